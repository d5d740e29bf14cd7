"""Who acts when somebody runs a command on the server."""

from audit.recorder import Actor

OPERATOR = Actor(type="person", id="command-line", label="Command line", auth_method="command-line")
