"""A private RabbitMQ node with a port mapper (epmd) of its own, which is ended with it."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess

from .processes import Server, ServerError, free_port, wait_until

CONFIGURATION = """
listeners.tcp.1 = 127.0.0.1:{port}
disk_free_limit.absolute = 50MB
log.console = true
log.console.level = warning
log.file = false
"""


def programs():
    """The node's own scripts; the packaged wrappers in sbin change the user and read system-wide settings."""
    found = sorted(pathlib.Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"))
    if not found:
        raise ServerError("RabbitMQ is not installed: run scripts/install servers")
    return found[-1]


def speaks_amqp(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
    except OSError:
        return False


class RabbitMq(Server):
    name = "rabbitmq"
    variable = "PENSTOCK_TEST_RABBITMQ"

    def prepare(self):
        ports = []
        while len(ports) < 3:
            ports.append(free_port(ports))
        port, distribution, mapper = ports
        (self.folder / "rabbitmq.conf").write_text(CONFIGURATION.format(port=port), encoding="ascii")
        (self.folder / "enabled_plugins").write_text("[].\n", encoding="ascii")
        self.remember(port=port, distribution_port=distribution, mapper_port=mapper)

    def environment(self):
        state = self.state()
        folder = str(self.folder)
        return {
            "HOME": folder,  # where Erlang keeps its cookie
            "ERL_EPMD_PORT": str(state["mapper_port"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"penstock-{state['port']}@localhost",
            "RABBITMQ_DIST_PORT": str(state["distribution_port"]),
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/none",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            # The distribution listens on loopback only; no busy waiting, for machines with few cores.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def run(self):
        if not self.alive("mapper"):
            self.start_mapper()
        return self.launch("server", [str(programs() / "rabbitmq-server")], self.environment())

    def start_mapper(self):
        port = self.state()["mapper_port"]
        program = shutil.which("epmd")
        if not program:
            raise ServerError("Erlang's epmd is not installed: run scripts/install servers")
        self.launch("mapper", [program, "-port", str(port), "-address", "127.0.0.1"])

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        wait_until(listens, 10, f"epmd did not listen on port {port}")

    def answers(self):
        return speaks_amqp(self.state()["port"])

    def end_gently(self):
        self.signal("server", signal.SIGTERM)
        self.await_end("server", 30)

    def end_companions(self):
        self.signal("mapper", signal.SIGKILL)
        if self.alive("mapper"):
            self.await_end("mapper", 5)

    def control(self, arguments):
        if not self.running():
            raise ServerError("the private RabbitMQ node does not run: scripts/servers start rabbitmq")
        return subprocess.run([str(programs() / "rabbitmqctl"), *arguments], env=os.environ | self.environment(),
                              check=False).returncode

    def address(self):
        return f"amqp://guest:guest@127.0.0.1:{self.state()['port']}"
