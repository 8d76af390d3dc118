"""A private PostgreSQL cluster: superuser `postgres`, trust on loopback but for members of one role, durable, logical
decoding possible."""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from .processes import Server, ServerError, free_port

SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = {port}
max_connections = 200
wal_level = logical
max_replication_slots = 40
max_wal_senders = 40
max_prepared_transactions = 20
shared_buffers = 128MB
fsync = on
max_wal_size = 1GB
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
"""


# Roles of tests that have to give a password: see tests/support/password_role.h.
PASSWORD_RULE = "host all +penstock_password 127.0.0.1/32 scram-sha-256\n"


def programs():
    """The newest packaged version, else whatever is on the path."""
    versions = [path for path in pathlib.Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    if versions:
        return max(versions, key=lambda path: int(path.parent.name))
    found = shutil.which("initdb")
    if not found:
        raise ServerError("PostgreSQL is not installed: run scripts/install servers")
    return pathlib.Path(found).resolve().parent


def reachable_by(user, path):
    for folder in [path, *path.parents]:
        status = folder.stat()
        if status.st_uid != user.pw_uid and not status.st_mode & 0o001:
            return False
    return True


class Postgres(Server):
    name = "postgres"
    variable = "PENSTOCK_TEST_POSTGRES"

    def user(self):
        """Who the server runs as: PostgreSQL refuses root."""
        if os.geteuid() != 0:
            return None
        try:
            return pwd.getpwnam("postgres")
        except KeyError:
            return pwd.getpwnam("nobody")

    def unprivileged(self, command):
        user = self.user()
        if user is None:
            return command
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *command]

    def make_home(self):
        """Our folder, or another one where the user of the server can't reach it."""
        user = self.user()
        data = self.folder
        if user and not reachable_by(user, self.folder):
            data = pathlib.Path(tempfile.mkdtemp(prefix="penstock-postgres-"))
        if user:
            os.chown(data, user.pw_uid, user.pw_gid)
        data.chmod(0o700)
        return data

    def prepare(self):
        data = self.make_home()
        self.make_cluster(data / "cluster")
        port = free_port()
        with open(data / "cluster" / "postgresql.conf", "a", encoding="ascii") as settings:
            settings.write(SETTINGS.format(port=port))
        rules = data / "cluster" / "pg_hba.conf"
        rules.write_text(PASSWORD_RULE + rules.read_text(encoding="ascii"), encoding="ascii")
        self.remember(port=port, data=str(data))

    def make_cluster(self, folder):
        self.call("initdb", "-D", str(folder), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8",
                  "--no-sync")

    def call(self, program, *arguments):
        made = subprocess.run(self.unprivileged([str(programs() / program), *arguments]), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, cwd="/", check=False)
        if made.returncode != 0:
            raise ServerError(f"{program} failed: {made.stderr.strip().splitlines()[-1]}")

    def run(self):
        return self.launch("server", self.unprivileged(
            [str(programs() / "postgres"), "-D", str(pathlib.Path(self.state()["data"]) / "cluster")]))

    def answers(self):
        return subprocess.run([str(programs() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.state()["port"])],
                              check=False).returncode == 0

    def end_gently(self):
        self.signal("server", signal.SIGINT)
        self.await_end("server", 30)

    def end_immediately(self):
        self.signal("server", signal.SIGQUIT)
        self.await_end("server", 20)

    def kill(self):
        super().kill()
        # Where nothing reaps orphans, the ended server stays visible as a zombie and PostgreSQL takes its
        # lock file for a live one. Every process of it has ended, so the file may go.
        (pathlib.Path(self.state()["data"]) / "cluster" / "postmaster.pid").unlink(missing_ok=True)

    def stop(self):
        data = self.state().get("data")
        super().stop()
        if data and pathlib.Path(data).name.startswith("penstock-postgres-"):
            shutil.rmtree(data, ignore_errors=True)

    def address(self):
        return f"postgresql://postgres@127.0.0.1:{self.state()['port']}/postgres"


class Primary(Postgres):
    """Apart from the server that all tests share, because it is killed for good."""
    name = "primary"
    variable = "PENSTOCK_TEST_PRIMARY"


class Standby(Postgres):
    """Follows the primary, asynchronously, from when it is started for the first time."""
    name = "standby"
    variable = "PENSTOCK_TEST_STANDBY"

    def make_cluster(self, folder):
        primary = Primary(self.workshop)
        if not primary.running():
            raise ServerError("the standby is made from the primary, which does not run")
        self.call("pg_basebackup", "-D", str(folder), "-R", "-X", "stream", "-c", "fast", "--no-sync", "-h", "127.0.0.1",
                  "-p", str(primary.state()["port"]), "-U", "postgres")
