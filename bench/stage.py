"""Servers, databases, topics and processes of one benchmark run."""
import enum
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys


class BenchError(Exception):
    """One line for the person at the terminal."""


OUTBOX = """
CREATE SCHEMA shop;
CREATE TABLE shop.outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL,
  aggregatetype varchar(255) NOT NULL,
  aggregateid varchar(255) NOT NULL,
  type varchar(255) NOT NULL,
  payload jsonb,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp());
"""

# A trigger that tells a waiting relay about new rows.
NOTIFY = """
CREATE FUNCTION shop.tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('outbox_changed', ''); RETURN NULL; END $$;
CREATE TRIGGER tell AFTER INSERT ON shop.outbox FOR EACH STATEMENT EXECUTE FUNCTION shop.tell();
"""


WARM_UP_SECONDS = 15


class Broker(enum.Enum):
    COLD, WARM = range(2)


class Stage:
    """Everything a measurement stands on; ends what it started."""

    def __init__(self, root, chosen):
        self.root, self.chosen = root, chosen
        self.folder = root / "build" / "bench"
        self.tool = pathlib.Path(chosen.program).parent / "bench" / "penstock-bench"
        self.numbers = itertools.count(1)
        self.broker = Broker.COLD

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "processes.log"
        self.log.write_text("")
        for program in (self.chosen.program, self.tool):
            if not pathlib.Path(program).exists():
                raise BenchError(f"{program} is not built")
        printed = self.servers("start", "postgres", "kafka")
        found = dict(re.findall(r"export (\w+)='([^']*)'", printed))
        self.superuser, self.brokers = found["PENSTOCK_TEST_POSTGRES"], found["PENSTOCK_TEST_KAFKA"]
        return self

    def __exit__(self, *_):
        if self.chosen.keep_servers:
            return
        self.servers("stop", "postgres", "kafka")

    def servers(self, *words):
        done = subprocess.run([self.root / "scripts" / "servers", "--dir", self.folder / "servers", "--for", "bench",
                               *words],
                              stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"scripts/servers {' '.join(words)} failed")
        return done.stdout

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def name(self, prefix):
        return f"{prefix}-{os.getpid()}-{next(self.numbers)}"

    # --- Postgres
    def sql(self, url, text):
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url], input=text, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise BenchError(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def database(self):
        name = self.name("bench").replace("-", "_")
        self.sql(self.superuser, f"CREATE DATABASE {name}")
        return re.sub(r"/[^/?]*(\?|$)", f"/{name}\\1", self.superuser, count=1)

    def outbox(self, url, notify=False):
        self.sql(url, OUTBOX + (NOTIFY if notify else ""))

    def insertion(self, rows):
        """The statement of a row for each n of `rows`."""
        pad = self.chosen.payload - len('{"n": 1000000, "pad": ""}')
        return f"""INSERT INTO shop.outbox (id, aggregatetype, aggregateid, type, payload)
            SELECT gen_random_uuid(), 'order', (n % {self.chosen.keys})::text, 'OrderPlaced',
                   jsonb_build_object('n', 1000000 + n, 'pad', repeat('x', {pad}))
            FROM {rows};"""

    def fill_outbox(self, url):
        """The rows of one run, with the pages written and the statistics fresh, as on a database that is in use."""
        self.sql(url, f"""
            {self.insertion(f"generate_series(1, {self.chosen.events}) n")}
            VACUUM ANALYZE shop.outbox;
            CHECKPOINT;""")

    def fill_outbox_singly(self, url, events):
        """Each row in a transaction of its own."""
        self.sql(url, f"""
            SET synchronous_commit = off;
            DO $$ BEGIN FOR i IN 1..{events} LOOP {self.insertion("(VALUES (i)) one(n)")} COMMIT; END LOOP; END $$;""")

    # --- Kafka
    def topic(self):
        name = self.name("bench")
        self.run("make-topic", topic=name, partitions=self.chosen.partitions)
        return name

    def warm_up_broker(self):
        """A broker that has just started compiles itself, and is late with everything meanwhile."""
        if self.broker is Broker.COLD:
            self.run("latency", topic=self.topic(), writers=1, rate=3 * self.chosen.rate, seconds=WARM_UP_SECONDS)
            self.broker = Broker.WARM

    # --- programs
    def config(self, text):
        path = self.folder / (self.name("config") + ".toml")
        path.write_text(text)
        return path

    def arguments(self, command, options):
        words = [str(self.tool), command, "--brokers", self.brokers]
        for name, value in options.items():
            words += [f"--{name.replace('_', '-')}", str(value)]
        return words

    def run(self, command, behind=(), **options):
        """A command of penstock-bench and what it printed."""
        words = self.arguments(command, options)
        if behind:
            words += ["--", *map(str, behind)]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(done.stderr.strip())
        return json.loads(done.stdout) if done.stdout.strip() else None

    def time(self, behind, events=None, look_ms=20, topic=None):
        """Seconds from the start of a command until the topic holds all records."""
        topic = topic or self.topic()
        wanted = self.chosen.events if events is None else events
        command = [word if word != "TOPIC" else topic for word in map(str, behind)]
        figures = self.run("time", behind=command, topic=topic, events=wanted, look_ms=look_ms, log=self.log)
        figures["rate"] = wanted / figures["seconds"]
        return figures
