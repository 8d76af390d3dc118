"""The measurements of the write-ahead log as a source. Each returns {title, limit, rows: {name: [figures of each run]}}.

A backlog is written once; every run reads it through a copy of the slot that was made before it."""
import os
import pathlib
import subprocess
import time

from measurements import ROUTE, rates, sink, store_in

SOURCE = """
[[source]]
name = "orders"
kind = "wal"
url = "{url}"
table = "shop.outbox"
profile = "debezium"
order_by = "seq"
slot = "{slot}"
publication = "bench"
create = false
[source.columns]
occurred_at = "created_at"
"""

CONSOLE = """
[[sink]]
name = "console"
kind = "console"
"""


class PublishedOutbox:
    def __init__(self, stage):
        self.stage, self.url = stage, stage.database()
        stage.outbox(self.url)
        stage.sql(self.url, "CREATE PUBLICATION bench FOR TABLE shop.outbox WITH (publish = 'insert')")

    def new_slot(self, call="pg_create_logical_replication_slot('{name}', 'pgoutput')"):
        name = self.stage.name("slot").replace("-", "_")
        self.stage.sql(self.url, f"SELECT {call.format(name=name)}")
        return name

    def drop(self, slot):
        # The server takes a moment to see that its reader has gone.
        self.stage.sql(self.url, f"""
            DO $$ BEGIN WHILE (SELECT active FROM pg_replication_slots WHERE slot_name = '{slot}') LOOP
              PERFORM pg_sleep(0.01); END LOOP; END $$;
            SELECT pg_drop_replication_slot('{slot}');""")


class Backlog(PublishedOutbox):
    """What `fill` writes to an outbox, for one reader after the other."""

    def __init__(self, stage, fill):
        super().__init__(stage)
        self.origin = self.new_slot()
        fill(self.url)
        self.end = stage.sql(self.url, "SELECT pg_current_wal_insert_lsn()")
        # Whatever has taken this row has taken everything before the end.
        stage.sql(self.url, stage.insertion("(VALUES (0)) one(n)"))
        self.events = int(stage.sql(self.url, "SELECT count(*) FROM shop.outbox"))

    def read_with(self, read):
        """Figures of `read`, a function of the name of a slot that stands before the backlog."""
        slot = self.new_slot(f"pg_copy_logical_replication_slot('{self.origin}', '{{name}}')")
        figures = read(slot)
        self.drop(slot)
        figures["rate"] = self.events / figures["seconds"]
        return figures

    def end_all(self):
        self.drop(self.origin)

    def time(self, slot, command):
        return self.stage.run("time-slot", behind=command, url=self.url, slot=slot, until=self.end, log=self.stage.log)

    def time_reader(self, slot, command):
        """Of those who only read, also what 100,000 events cost."""
        figures = self.time(slot, command)
        figures["reader_cpu_seconds"] = figures["cpu_seconds"] * 100_000 / self.events
        return figures

    # --- who reads
    def console(self, slot):
        return self.time(slot, to_console(self.stage, self.url, slot))

    def source_alone(self, slot):
        return self.time_reader(slot, self.bare("wal-read", slot))

    def bare_reader(self, slot):
        return self.time_reader(slot, self.bare("bare-wal", slot))

    def reader_that_waits_for_commits(self, slot):
        return self.time_reader(slot, self.bare("bare-wal", slot, holds=1))

    def bare(self, command, slot, **more):
        options = {"url": self.url, "slot": slot, "publication": "bench", "events": self.events, **more}
        words = [str(self.stage.tool), command]
        for name, value in options.items():
            words += [f"--{name}", str(value)]
        return words

    def pg_recvlogical(self, slot):
        return self.time_reader(slot, [
            "pg_recvlogical", "-d", self.url, "--start", "-S", slot, "-f", "/dev/null", f"--endpos={self.end}",
            "-o", "proto_version=2", "-o", "streaming=on", "-o", "publication_names=bench"])


def to_console(stage, url, slot):
    text = store_in(stage, None) + SOURCE.format(url=url, slot=slot) + CONSOLE + ROUTE.format(
        name="direct", source="orders", sink="console", more="")
    return ["sh", "-c", 'exec "$0" run -c "$1" > /dev/null', stage.chosen.program, stage.config(text)]


def one_transaction(stage, events):
    return Backlog(stage, lambda url: stage.sql(url, stage.insertion(f"generate_series(1, {events}) n")))


def one_row_transactions(stage, events):
    return Backlog(stage, lambda url: stage.fill_outbox_singly(url, events))


def against_pg_recvlogical(stage, key, backlog, title):
    readers = {"penstock to the console": backlog.console, "penstock's source alone": backlog.source_alone,
               "reader that naps": backlog.bare_reader,
               "reader that waits for commits": backlog.reader_that_waits_for_commits,
               "pg_recvlogical": backlog.pg_recvlogical}
    rows = {name: [] for name in readers}
    for run in range(stage.chosen.runs):
        for name, reader in readers.items():
            rows[name].append(backlog.read_with(reader))
        stage.say(f"{key}: run {run + 1} of {stage.chosen.runs}: " + rates(rows))
    backlog.end_all()
    return {"title": title, "limit": "pg_recvlogical", "limit_in_order": "reader that waits for commits", "rows": rows}


def large_transaction(stage):
    events = 3 * stage.chosen.events // 5
    return against_pg_recvlogical(stage, "n", one_transaction(stage, events), f"log: one transaction of {events:,} rows")


def small_transactions(stage):
    events = stage.chosen.events // 5
    return against_pg_recvlogical(stage, "o", one_row_transactions(stage, events),
                                  f"log: {events:,} transactions of one row")


def to_kafka(stage):
    rows, limits, limits_in_order = {}, {}, {}
    for shape, make, events in (("one transaction", one_transaction, 3 * stage.chosen.events // 5),
                                ("one-row transactions", one_row_transactions, stage.chosen.events // 5)):
        backlog = make(stage, events)
        ours, limit = f"penstock, {shape}", f"reader + librdkafka, {shape}"
        limit_in_order = f"reader that waits for commits + librdkafka, {shape}"
        rows |= {ours: [], limit: [], limit_in_order: []}
        limits[ours], limits_in_order[ours] = limit, limit_in_order

        def penstock(slot, backlog=backlog):
            topic = stage.topic()
            return stage.time(relay_of(stage, backlog.url, slot, topic), backlog.events, topic=topic)

        def bare(slot, backlog=backlog, holds=0):
            return stage.time(backlog.bare("bare-wal", slot, topic="TOPIC", brokers=stage.brokers,
                                           linger=stage.chosen.linger, holds=holds), backlog.events)

        def bare_in_order(slot, bare=bare):
            return bare(slot, holds=1)

        for run in range(stage.chosen.runs):
            rows[ours].append(backlog.read_with(penstock))
            rows[limit].append(backlog.read_with(bare))
            rows[limit_in_order].append(backlog.read_with(bare_in_order))
            stage.say(f"p: run {run + 1} of {stage.chosen.runs}: "
                      + rates({name: rows[name] for name in (ours, limit, limit_in_order)}))
        backlog.end_all()
    return {"title": "log -> Kafka", "limit": limits, "limit_in_order": limits_in_order, "rows": rows}


LATENCY_LIMITS = {"penstock": "reader + librdkafka"}


def latency(stage):
    """Ours beside a bare program that does the same, and beside each half of the way alone."""
    stage.warm_up_broker()
    chosen = stage.chosen
    rows = {name: [] for name in ("penstock", "reader + librdkafka", "reader alone", "librdkafka alone")}
    for run in range(chosen.runs):
        for name, figures in rows.items():
            outbox = PublishedOutbox(stage)
            slot, topic = outbox.new_slot(), stage.topic()
            committed = {"url": outbox.url, "table": "shop.outbox"}
            ends = {"penstock": {**committed, "topic": topic}, "reader + librdkafka": {**committed, "topic": topic},
                    "reader alone": {**committed, "slot": slot, "publication": "bench"},
                    "librdkafka alone": {"topic": topic, "writers": 1}}[name]
            between = {"penstock": relay_of(stage, outbox.url, slot, topic),
                       "reader + librdkafka": bare_relay_of(stage, outbox.url, slot, topic)}.get(name, ())
            figures.append(stage.run("latency", behind=between, rate=chosen.rate, seconds=chosen.seconds,
                                     keys=chosen.keys, payload=chosen.payload, log=stage.log, **ends))
            outbox.drop(slot)
        stage.say(f"q: run {run + 1} of {chosen.runs}: " + ", ".join(
            f"{name} p50 {figures[-1]['p50_ms']:.1f} p99 {figures[-1]['p99_ms']:.1f} ms" for name, figures in rows.items()))
    return {"title": f"log: commit -> consumer at {chosen.rate} events/s", "limit": LATENCY_LIMITS, "rows": rows}


def relay_of(stage, url, slot, topic):
    text = store_in(stage, None) + SOURCE.format(url=url, slot=slot) + sink(stage) + ROUTE.format(
        name="direct", source="orders", sink="kafka", more=f'topic = "{topic}"')
    return [stage.chosen.program, "run", "-c", stage.config(text)]


def bare_relay_of(stage, url, slot, topic):
    return stage.arguments("bare-wal", {"url": url, "slot": slot, "publication": "bench", "topic": topic, "linger": 0,
                                        "waits": 1, "events": stage.chosen.rate * stage.chosen.seconds})


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle_percent(stage, backlog, slot):
    """Of a core, behind the end of the backlog."""
    with open(stage.log, "a", encoding="utf-8") as log:
        relay = subprocess.Popen(to_console(stage, backlog.url, slot), stdout=log, stderr=log)
        try:
            time.sleep(5)
            before = cpu_seconds(relay.pid)
            time.sleep(stage.chosen.seconds)
            return 100 * (cpu_seconds(relay.pid) - before) / stage.chosen.seconds
        finally:
            relay.terminate()
            relay.wait()


def memory_and_idle(stage):
    events = 2 * stage.chosen.events
    large, idle = f"a transaction of {events:,} rows", "idle"
    rows = {large: [], idle: []}
    backlog = one_transaction(stage, events)
    for run in range(stage.chosen.runs):
        figures = backlog.read_with(backlog.console)
        figures["max_rss_mb"] = figures["max_rss_kb"] / 1024
        rows[large].append(figures)
        slot = backlog.new_slot()
        rows[idle].append({"idle_cpu_percent": idle_percent(stage, backlog, slot)})
        backlog.drop(slot)
        stage.say(f"r: run {run + 1} of {stage.chosen.runs}: {figures['max_rss_mb']:.1f} MB,"
                  f" idle {rows[idle][-1]['idle_cpu_percent']:.2f} % of a core")
    backlog.end_all()
    return {"title": "log: memory during a large transaction, and idle", "limit": None, "rows": rows}


ALL = {"n": large_transaction, "o": small_transactions, "p": to_kafka, "q": latency, "r": memory_and_idle}
