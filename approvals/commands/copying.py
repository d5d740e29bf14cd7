"""That a reply was copied: whoever speaks to the customer next can see what was said.

The event stands in the stream of the request, with the words themselves. Like a note it touches
nothing that is approved, and nothing that is sent.
"""

from approvals import answers
from approvals.commands.frame import Running, command
from approvals.events import Action
from approvals.models import State
from approvals.refusals import Invalid, VersionMismatch
from approvals.replies import LANGUAGES


@command("copy_reply", from_states=[state for state in State if state != State.NEW])
def copy_reply(running: Running, *, language: str, reply_id: str = "") -> None:
    """Record that the reply of this moment was copied, in this language.

    `reply_id` names the words that were seen, or "" for whatever they are now. Refused when they are
    not the words of this moment any more: then what was copied must not be sent.
    """
    running.check_allowed()
    if language not in LANGUAGES:
        raise Invalid({"language": f"Choose one of {', '.join(LANGUAGES)}."})
    reply = answers.customer_reply(running.item, running.at, language)
    if reply is None:
        raise Invalid({"language": answers.NO_TEXT})
    if reply_id and reply_id != reply.id:
        raise VersionMismatch(
            f"The answer about {running.item.ref} has changed. Do not send what you copied; look it "
            "up again. Nothing was recorded.",
            now=running.item.version,
        )
    running.commit(
        Action.COPY_REPLY,
        sentence=f"Recorded: you copied reply v{reply.version} ({LANGUAGES[language].name}).",
        reason=reply.text,
        facts={
            "reply": reply.name,
            "reply_version": reply.version,
            "language": language,
            "language_name": LANGUAGES[language].name,
        },
    )
