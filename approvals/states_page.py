"""The states of a request as a page of the documentation, made from the code."""

from approvals.models import ApprovalRequest, State

HEAD = """# The states of an approval request

Made by `manage.py draw_states` from `approvals/models/request.py`; a test fails when they differ.
The database keeps the same table (`approvals_transition`) and refuses every other move.

"""


def transitions() -> list[tuple[str, str, str, str]]:
    """(verb, source, target, what it means), in the order of a request's life."""
    found = []
    for name, member in vars(ApprovalRequest).items():
        declared = getattr(member, "_django_fsm", None)
        if declared is None:
            continue
        meaning = (member.__doc__ or "").split("\n")[0]
        for transition in declared.transitions.values():
            for target in _targets(transition.target):
                found.append((name, str(transition.source), target, meaning))
    return found


def page() -> str:
    """Markdown: a diagram and a table."""
    rows = transitions()
    diagram = [f"    {source} --> {target}: {verb}" for verb, source, target, _ in rows]
    table = ["| verb | from | to | meaning |", "|---|---|---|---|"]
    seen: dict[str, tuple[list[str], list[str], str]] = {}
    for verb, source, target, meaning in rows:
        sources, targets, _ = seen.setdefault(verb, ([], [], meaning))
        sources += [source] if source not in sources else []
        targets += [target] if target not in targets else []
    for verb, (sources, targets, meaning) in seen.items():
        table.append(f"| `{verb}` | {', '.join(sources)} | {', '.join(targets)} | {meaning} |")
    names = [f"- `{state.value}`: {state.label}" for state in State]
    parts = ["```mermaid", "stateDiagram-v2", *diagram, "```", "", *table, "", *names, ""]
    return HEAD + "\n".join(parts)


def _targets(target: object) -> list[str]:
    allowed = getattr(target, "allowed_states", None)
    return [
        str(state.value if isinstance(state, State) else state) for state in allowed or [target]
    ]
