"""A private PgBouncer before the private PostgreSQL, in transaction mode: a client has no session of its own there."""
import pathlib
import shutil

from .postgres import Postgres
from .processes import ServerError, free_port

SETTINGS = """
[databases]
* = host=127.0.0.1 port={server_port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
"""


def program():
    found = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
    if not found:
        raise ServerError("PgBouncer is not installed: run scripts/install servers")
    return found


class PgBouncer(Postgres):
    name = "pgbouncer"
    variable = "PENSTOCK_TEST_PGBOUNCER"

    def prepare(self):
        server = Postgres(self.workshop)
        if not server.running():
            raise ServerError("PgBouncer stands before the server postgres, which does not run")
        program()
        home, port = self.make_home(), free_port()
        settings = SETTINGS.format(port=port, server_port=server.state()["port"])
        (home / "pgbouncer.ini").write_text(settings, encoding="ascii")
        self.remember(port=port, data=str(home))

    def run(self):
        return self.launch("server", self.unprivileged([program(), str(pathlib.Path(self.state()["data"]) / "pgbouncer.ini")]))
