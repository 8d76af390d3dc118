"""The measurements. Each returns {title, limit, rows: {name: [figures of each run]}}."""
import pathlib
import socket
import subprocess
import time

STORE = """[log]
level = "warn"
[store]
url = "{store}"
"""

SINK = """
[[sink]]
name = "{name}"
kind = "kafka"
brokers = ["{brokers}"]
[sink.options]
"linger.ms" = {linger}
"""

SOURCE = """
[[source]]
name = "orders"
kind = "outbox"
url = "{url}"
table = "shop.outbox"
profile = "debezium"
order_by = "seq"
batch = {batch}
{more}
[source.columns]
occurred_at = "created_at"
"""

ROUTE = """
[[route]]
name = "{name}"
from = "{source}"
to = "{sink}"
{more}
"""


def store_in(stage, url):
    return STORE.format(store=url or f"sqlite:{stage.folder}/{stage.name('store')}.db")


def sink(stage, name="kafka", brokers=None):
    return SINK.format(name=name, brokers=brokers or stage.brokers, linger=stage.chosen.linger)


def source(stage, url, more=""):
    return SOURCE.format(url=url, batch=stage.chosen.batch, more=more)


def penstock(stage, text):
    return [stage.chosen.program, "run", "-c", stage.config(text)]


def events_in_store(stage, url):
    """Brings the events of a run into the store, through the program itself."""
    stage.say(f"a: filling the store with {stage.chosen.events} events")
    stage.outbox(url)
    stage.fill_outbox(url)
    text = store_in(stage, url) + source(stage, url) + ROUTE.format(name="fill", source="orders", sink="store", more="")
    subprocess.run([stage.chosen.program, "migrate", "-c", stage.config(text)], check=True, stdout=subprocess.DEVNULL)
    with open(stage.log, "a", encoding="utf-8") as log:
        relay = subprocess.Popen(penstock(stage, text), stdout=log, stderr=log)
        try:
            started = time.monotonic()
            while int(stage.sql(url, "SELECT position FROM penstock.head")) < stage.chosen.events:
                if relay.poll() is not None:
                    raise RuntimeError("the relay ended while it filled the store")
                time.sleep(0.2)
            stage.say(f"a: outbox -> store took {time.monotonic() - started:.1f} s")
        finally:
            relay.terminate()
            relay.wait()
    stage.sql(url, "VACUUM ANALYZE penstock.events; CHECKPOINT;")


# The window that is the default, and one that is nearer to what librdkafka queues by default (100,000 records).
WINDOWS = {"penstock": "", "penstock, window of 20,000": 'max_in_flight = 20000\nmax_in_flight_bytes = "64MiB"'}


def store_to_kafka(stage):
    chosen, url = stage.chosen, stage.database()
    events_in_store(stage, url)
    rows = {name: [] for name in (*WINDOWS, "COPY + librdkafka", "librdkafka alone")}
    for run in range(chosen.runs):
        for name, window in WINDOWS.items():
            topic = stage.topic()
            text = store_in(stage, url) + sink(stage) + ROUTE.format(
                name=stage.name("route"), source="store", sink="kafka",
                more=f'topic = "{topic}"\nstart = "earliest"\n{window}')
            rows[name].append(stage.time(penstock(stage, text), topic=topic))
        rows["COPY + librdkafka"].append(stage.time(
            stage.arguments("bare-store", {"url": url, "topic": "TOPIC", "linger": chosen.linger})))
        rows["librdkafka alone"].append(stage.time(
            stage.arguments("bare-client", {"topic": "TOPIC", "linger": chosen.linger, "events": chosen.events,
                                            "keys": chosen.keys, "payload": chosen.payload})))
        stage.say(f"a: run {run + 1} of {chosen.runs}: " + rates(rows))
    return {"title": "store -> Kafka", "limit": "COPY + librdkafka", "rows": rows}


def outbox_to_kafka(stage):
    chosen, url = stage.chosen, stage.database()
    stage.outbox(url)
    rows = {"penstock": [], "DELETE RETURNING + librdkafka": []}
    for run in range(chosen.runs):
        topic = stage.topic()
        stage.fill_outbox(url)
        text = store_in(stage, None) + source(stage, url) + sink(stage) + ROUTE.format(
            name="direct", source="orders", sink="kafka", more=f'topic = "{topic}"')
        rows["penstock"].append(stage.time(penstock(stage, text), topic=topic))
        stage.sql(url, "TRUNCATE shop.outbox")
        stage.fill_outbox(url)
        rows["DELETE RETURNING + librdkafka"].append(stage.time(
            stage.arguments("bare-outbox", {"url": url, "table": "shop.outbox", "batch": chosen.batch,
                                            "topic": "TOPIC", "linger": chosen.linger})))
        stage.sql(url, "TRUNCATE shop.outbox")
        stage.say(f"b: run {run + 1} of {chosen.runs}: " + rates(rows))
    return {"title": "polled outbox -> Kafka", "limit": "DELETE RETURNING + librdkafka", "rows": rows}


def latency(stage):
    stage.warm_up_broker()
    chosen = stage.chosen
    rows = {"polled": [], "listen": []}
    for run in range(chosen.runs):
        for name, more in (("polled", ""), ("listen", 'listen = "outbox_changed"')):
            url, topic = stage.database(), stage.topic()
            stage.outbox(url, notify=name == "listen")
            text = store_in(stage, None) + source(stage, url, more) + sink(stage) + ROUTE.format(
                name="direct", source="orders", sink="kafka", more=f'topic = "{topic}"')
            rows[name].append(stage.run(
                "latency", behind=penstock(stage, text), url=url, table="shop.outbox", topic=topic, rate=chosen.rate,
                seconds=chosen.seconds, keys=chosen.keys, payload=chosen.payload, log=stage.log))
            figures = rows[name][-1]
            stage.say(f"c: run {run + 1} of {chosen.runs}: {name} p50 {figures['p50_ms']:.1f} ms, "
                      f"p99 {figures['p99_ms']:.1f} ms")
    return {"title": f"commit -> consumer at {chosen.rate} events/s", "limit": None, "rows": rows}


def resident_kb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("no VmRSS")


def idle_and_start(stage):
    rows = {"one route, outbox -> Kafka": []}
    for _ in range(stage.chosen.runs):
        url, topic = stage.database(), stage.topic()
        stage.outbox(url)
        stage.sql(url, "INSERT INTO shop.outbox (id, aggregatetype, aggregateid, type, payload)"
                       " VALUES (gen_random_uuid(), 'order', '1', 'OrderPlaced', '{}')")
        text = store_in(stage, None) + source(stage, url) + sink(stage) + ROUTE.format(
            name="direct", source="orders", sink="kafka", more=f'topic = "{topic}"')
        # The store is there already, as on every start but the first.
        config = stage.config(text)
        subprocess.run([stage.chosen.program, "migrate", "-c", config], check=True, stdout=subprocess.DEVNULL)
        command = [stage.chosen.program, "run", "-c", config]
        started = stage.time(command, events=1, look_ms=2, topic=topic)
        with open(stage.log, "a", encoding="utf-8") as log:
            relay = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                time.sleep(5)
                idle = resident_kb(relay.pid)
            finally:
                relay.terminate()
                relay.wait()
        rows["one route, outbox -> Kafka"].append(
            {"idle_rss_mb": idle / 1024, "first_event_ms": started["seconds"] * 1000})
        stage.say(f"d: idle {idle / 1024:.1f} MB, first event after {started['seconds'] * 1000:.0f} ms")
    return {"title": "idle memory, start -> first event", "limit": None, "rows": rows}


def silent_broker():
    """Takes connections and never says a word."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    return listener


def one_sick_sink(stage):
    """Outbox -> store -> two sinks; what is measured is the one that is well."""
    stage.warm_up_broker()
    chosen = stage.chosen
    rows = {"both well": [], "one sick": []}
    with silent_broker() as silent:
        silent_address = f"127.0.0.1:{silent.getsockname()[1]}"
        for run in range(chosen.runs):
            for name, brokers in (("both well", stage.brokers), ("one sick", silent_address)):
                url, topic, other = stage.database(), stage.topic(), stage.topic()
                stage.outbox(url, notify=True)
                text = (store_in(stage, url) + source(stage, url, 'listen = "outbox_changed"') + sink(stage)
                        + sink(stage, "other", brokers)
                        + ROUTE.format(name="in", source="orders", sink="store", more="")
                        + ROUTE.format(name="measured", source="store", sink="kafka", more=f'topic = "{topic}"')
                        + ROUTE.format(name="beside", source="store", sink="other", more=f'topic = "{other}"'))
                rows[name].append(stage.run(
                    "latency", behind=penstock(stage, text), url=url, table="shop.outbox", topic=topic,
                    rate=chosen.rate, seconds=chosen.seconds, keys=chosen.keys, payload=chosen.payload, log=stage.log))
            well, sick = rows["both well"][-1]["p99_ms"], rows["one sick"][-1]["p99_ms"]
            rows["one sick"][-1]["p99_ratio"] = sick / well
            stage.say(f"e: run {run + 1} of {chosen.runs}: p99 {well:.1f} ms with both well, {sick:.1f} ms beside a sick one")
    return {"title": f"one sick sink: commit -> consumer of the other at {chosen.rate} events/s", "limit": None,
            "rows": rows}


def rates(rows):
    return ", ".join(f"{name} {figures[-1]['rate']:,.0f}/s" for name, figures in rows.items())


ALL = {"a": store_to_kafka, "b": outbox_to_kafka, "c": latency, "d": idle_and_start, "e": one_sick_sink}
