"""The software bill of materials names what is installed, each with its hashes."""

import json
import re
import subprocess
import sys
from pathlib import Path

from django.conf import settings

ROOT = settings.BASE_DIR
LOCKED = re.compile(r"^([a-z0-9-]+)==([^ ;\\]+)", re.MULTILINE)


def command() -> list[str]:
    """As the Makefile has it."""
    [line] = re.findall(r"^\t\$\(BIN\)/(cyclonedx-py .*)$", (ROOT / "Makefile").read_text(), re.M)
    tool, *words = line.split()
    return [str(Path(sys.executable).with_name(tool)), *words]


def test_it_holds_every_locked_package_with_its_hashes(tmp_path):
    out = tmp_path / "sbom.json"
    words = [str(out) if word == "sbom.cdx.json" else word for word in command()]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    bom = json.loads(out.read_text())
    assert (bom["bomFormat"], bom["metadata"]["component"]["name"]) == (
        "CycloneDX",
        "approval-queue",
    )
    listed = {(one["name"], one["version"]): one for one in bom["components"]}
    locked = LOCKED.findall((ROOT / "requirements.lock").read_text())
    assert len(locked) > 30
    assert set(listed) == set(locked)
    for one in listed.values():
        assert one["externalReferences"][0]["hashes"], one["name"]
