"""What is recorded of policies that are being written."""

from audit.vocabulary import Word

WORDS = [
    Word("policy.try", "Tried over past requests: {of}", "policy", ("trial", "of")),
    Word("policy.export_trial", "List of trial {trial} exported", "policy", ("trial", "way")),
    Word("policy.draft", "A draft was begun of version {of}", "policy", ("draft", "of")),
    Word("policy.change_draft", "Draft {draft} was changed", "policy", ("draft", "version")),
    Word(
        "policy.rebase_draft", "Draft {draft} follows what is live", "policy", ("draft", "version")
    ),
    Word("policy.discard", "Draft {draft} was discarded", "policy", ("draft", "version")),
    Word(
        "policy.publish", "Draft {draft} was published: {rules} rules", "policy", ("draft", "rules")
    ),
]
