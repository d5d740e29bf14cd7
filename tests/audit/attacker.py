"""Somebody with a superuser's login, who knows where the triggers are and switches them off."""

from tests import postgres

GUARDED = (
    "audit_event",
    "audit_stream",
    "audit_leaf",
    "audit_node",
    "audit_checkpoint",
    "audit_copy",
    "approvals_approvalrequest",
    "approvals_decision",
    "approvals_effect",
    "approvals_attempt",
    "approvals_policyversion",
)


def change(database: str, *statements: str, **values: object) -> None:
    """Run `statements` with every trigger and every foreign key switched off; commits.

    `values` are for the placeholders. Each statement must change something: an attack that misses
    would prove nothing.
    """
    with postgres.admin(database) as connection, connection.transaction():
        for table in GUARDED:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        connection.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            found = connection.execute(statement, values)
            assert found.rowcount > 0, f"Nothing was changed by: {statement}"
