"""docs/reference/dangerous-functions.md names each file that does something dangerous, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
APPS = (
    *("accounts", "approvals", "audit", "auditing", "config", "handoffs"),
    *("notifications", "policies", "rights", "webhooks"),
)
PAGE = ROOT / "docs" / "reference" / "dangerous-functions.md"
ROW = re.compile(r"^\| `([^`]+)` \| ([a-z, ]+) \| .{20,} \|$", re.MULTILINE)
# How a call or an import is written, by what is dangerous about it.
KINDS = {
    "programs": r"subprocess\.\w+|os\.(system|popen|exec\w*|spawn\w*|fork|kill\w*)",
    "code": r"(eval|exec|compile|__import__)|pickle\.\w+|marshal\.\w+|shelve\.\w+|yaml\.\w+",
    "names": r"(importlib\.)?import_module|import_string|import_callable",
    "sql": r".*\bcursor\.execute(many)?|.*\bconnection\.execute|.*\.extra|RawSQL|.*objects\.raw",
    "html": r"mark_safe|SafeString|format_html(_join)?|SafeText",
    "files": r"shutil\.rmtree|os\.(remove|unlink|rmdir)|.*\.unlink",
    "outside": r"(httpx|requests)\.(?!URL|Headers)\w+|httpcore\.\w*Pool|socket\.(socket|create_connection|getaddrinfo)|smtplib\.SMTP\w*",
    "without token": r"csrf_exempt",
}


def dangerous() -> set[tuple[str, str]]:
    """File and kind, of all of the product but migrations and the demo."""
    found = set()
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            name = str(path.relative_to(ROOT))
            found |= {(name, kind) for kind in kinds_in(path.read_text())}
    return found


def kinds_in(text: str) -> set[str]:
    return {
        kind
        for used in _used(ast.parse(text))
        for kind, pattern in KINDS.items()
        if re.fullmatch(pattern, used)
    }


def _used(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)
        elif isinstance(node, ast.FunctionDef):
            yield from (ast.unparse(one) for one in node.decorator_list)


def test_each_dangerous_function_is_in_the_table_and_nothing_else_is():
    listed = {
        (file, kind.strip())
        for file, kinds in ROW.findall(PAGE.read_text())
        for kind in kinds.split(",")
    }
    found = dangerous()
    assert sorted(found - listed) == [], "new: describe it in the table"
    assert sorted(listed - found) == [], "gone: take it out of the table"


def test_what_is_dangerous_is_seen():
    for text, kind in (
        ("subprocess.run(['x'])", "programs"),
        ("eval('1')", "code"),
        ("pickle.loads(b'')", "code"),
        ("mark_safe(x)", "html"),
        ("connection.cursor().execute(x)", None),
        ("cursor.execute(x)", "sql"),
        ("@csrf_exempt\ndef view(request): ...", "without token"),
        ("path.unlink()", "files"),
        ("httpx.get(x)", "outside"),
        ("import_string(x)", "names"),
    ):
        assert kinds_in(text) == ({kind} if kind else set()), text
