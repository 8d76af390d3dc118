"""A private Apache Kafka broker: one KRaft node, its jars fetched once by Maven."""
import base64
import hashlib
import shutil
import signal
import socket
import subprocess
import uuid

from .processes import Server, ServerError, free_port

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
auto.create.topics.enable=true
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
controlled.shutdown.enable=false
"""

# For tests: quick to start, small, and as little of the machine as may be. Its collector stops it for tens of
# milliseconds, and its compiler leaves its code slow, which a measurement of latency would take for the relay's.
FRUGAL = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
# As Kafka's own start script has it.
AS_SHIPPED = ["-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
              "-XX:+ExplicitGCInvokesConcurrent"]


class Kafka(Server):
    name = "kafka"
    variable = "PENSTOCK_TEST_KAFKA"

    def jars(self):
        """The folder with Kafka and what it needs, filled on first use and whenever the pom changes."""
        pom = self.workshop.root / "tests" / "servers" / "kafka" / "pom.xml"
        folder = self.workshop.root / "build" / "kafka-jars"
        stamp = folder / "pom.sha256"
        digest = hashlib.sha256(pom.read_bytes()).hexdigest()
        if stamp.exists() and stamp.read_text(encoding="ascii") == digest:
            return folder
        maven = shutil.which("mvn")
        if not maven:
            raise ServerError("Maven is not installed: run scripts/install servers")
        shutil.rmtree(folder, ignore_errors=True)
        fetched = subprocess.run(
            [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if fetched.returncode != 0:
            told = [line for line in fetched.stdout.splitlines() if line.startswith("[ERROR]")]
            raise ServerError(f"Maven could not fetch Kafka: {told[0] if told else fetched.stdout.strip()[-300:]}")
        stamp.write_text(digest, encoding="ascii")
        return folder

    def java(self, *arguments, machine):
        program = shutil.which("java")
        if not program:
            raise ServerError("Java is not installed: run scripts/install servers")
        logging = self.workshop.root / "tests" / "servers" / "kafka" / "log4j.properties"
        return [program, *machine, "-Djava.awt.headless=true",
                f"-Dlog4j.configuration=file:{logging}", "-cp", f"{self.jars()}/*", *arguments]

    def prepare(self):
        port = free_port()
        controller_port = free_port([port])
        properties = self.folder / "server.properties"
        properties.write_text(
            PROPERTIES.format(port=port, controller_port=controller_port, folder=self.folder), encoding="ascii")
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
        cluster = "A" + cluster[1:]  # a leading dash would be read as an option
        made = subprocess.run(
            self.java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties),
                      machine=["-Xmx64m", *FRUGAL]),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if made.returncode != 0:
            raise ServerError(f"formatting Kafka's storage failed: {made.stdout.strip()[-300:]}")
        self.remember(port=port, controller_port=controller_port)

    def run(self):
        machine = AS_SHIPPED if self.workshop.purpose == "bench" else ["-Xmx384m", *FRUGAL]
        return self.launch("server", self.java("kafka.Kafka", str(self.folder / "server.properties"), machine=machine))

    def answers(self):
        """Asks for the versions of the protocol, which the broker answers once it serves clients."""
        request = b"\x00\x12\x00\x00" + b"\x00\x00\x00\x01" + b"\x00\x05probe"
        try:
            with socket.create_connection(("127.0.0.1", self.state()["port"]), timeout=2) as connection:
                connection.settimeout(2)
                connection.sendall(len(request).to_bytes(4, "big") + request)
                reply = connection.recv(8)
                return len(reply) == 8 and reply[4:] == b"\x00\x00\x00\x01"
        except OSError:
            return False

    def end_gently(self):
        self.signal("server", signal.SIGTERM)
        self.await_end("server", 30)

    def address(self):
        return f"127.0.0.1:{self.state()['port']}"
