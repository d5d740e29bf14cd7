"""How an app declares what it records: each has a module `vocabulary` with its `WORDS`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """One action. `about` is the type of its target, or several; `facts` names what is in its facts.

    `{name}` in a sentence stands for that fact. `refused` is what an attempt says that was refused;
    without one it says so in general words.
    """

    action: str
    sentence: str
    about: str
    facts: tuple[str, ...] = ()
    refused: str = ""

    @property
    def objects(self) -> list[str]:
        return self.about.split(", ")

    @property
    def group(self) -> str:
        """What is before the point: request, person, policy, …"""
        return self.action.partition(".")[0]

    @property
    def verb(self) -> str:
        """“try again”, of request.try_again."""
        return self.action.partition(".")[2].replace("_", " ")
