"""The measurements of the store alone. Each returns {title, limit, rows: {name: [figures of each run]}}."""
import pathlib
import subprocess
import time

from measurements import store_in

# A table with the columns and indexes of the store's, and a number for each row.
BARE = """
CREATE SCHEMA bare;
CREATE TABLE bare.events (LIKE penstock.events INCLUDING ALL);
CREATE SEQUENCE bare.positions;
"""


def migrated(stage, url=None):
    """An empty store on Postgres, or in a file; its URL."""
    text = store_in(stage, url)
    subprocess.run([stage.chosen.program, "migrate", "-c", stage.config(text)], check=True, stdout=subprocess.DEVNULL)
    return next(line.split('"')[1] for line in text.splitlines() if line.startswith("url"))


def database(stage):
    url = stage.database()
    migrated(stage, url)
    stage.sql(url, BARE)
    return url


def rated(figures):
    figures["rate"] = figures["events"] / figures["seconds"]
    return figures


def alternate(stage, key, commands, limit, title):
    """Each command once a run, in turn: {name: function}."""
    rows = {name: [] for name in commands}
    for run in range(stage.chosen.runs):
        for name, command in commands.items():
            rows[name].append(rated(command()))
        stage.say(f"{key}: run {run + 1} of {stage.chosen.runs}: "
                  + ", ".join(f"{name} {figures[-1]['rate']:,.0f}/s" for name, figures in rows.items()))
    return {"title": title, "limit": limit, "rows": rows}


def load(stage, events, **more):
    return {"events": events, "keys": stage.chosen.keys, "payload": stage.chosen.payload, **more}


def batches(stage):
    url = database(stage)
    wanted = load(stage, stage.chosen.events // 2, batch=1000)
    return alternate(stage, "f", {
        "penstock, Postgres": lambda: stage.run("store-append", store=url, **wanted),
        "COPY into an equal table": lambda: stage.run("bare-copy", url=url, **wanted),
    }, "COPY into an equal table", "append of 1,000 events a request")


def singles(stage):
    url = database(stage)
    few, many = stage.chosen.singles, 8 * stage.chosen.singles
    return alternate(stage, "g", {
        "penstock, 64 callers": lambda: stage.run("store-append", store=url, **load(stage, many, clients=64)),
        "penstock, 1,024 callers": lambda: stage.run("store-append", store=url, **load(stage, many, clients=1024)),
        "lock, then insert, 64 clients": lambda: stage.run("bare-locked", url=url, **load(stage, few, clients=64)),
    }, "lock, then insert, 64 clients", "single events of many callers")


def one_caller(stage):
    url = database(stage)
    wanted = load(stage, stage.chosen.singles)
    return alternate(stage, "h", {
        "penstock, 1 caller": lambda: stage.run("store-append", store=url, **wanted),
        "INSERT, 1 client": lambda: stage.run("bare-insert", url=url, **wanted),
    }, "INSERT, 1 client", "single events of one caller")


def by_sql(stage):
    url = database(stage)
    wanted = load(stage, 8 * stage.chosen.singles, clients=64)
    return alternate(stage, "i", {
        "penstock.append, 64 clients": lambda: stage.run("sql-append", store=url, url=url, **wanted),
        "INSERT, 64 clients": lambda: stage.run("bare-insert", url=url, **wanted),
    }, "INSERT, 64 clients", "appends by SQL, positions given meanwhile")


def wake_up(stage):
    url = database(stage)
    rows = {"penstock.append while idle": []}
    for run in range(stage.chosen.runs):
        figures = stage.run("wake-up", store=url, url=url, idle_seconds=stage.chosen.seconds, **load(stage, 200))
        rows["penstock.append while idle"].append(figures)
        stage.say(f"m: run {run + 1} of {stage.chosen.runs}: p50 {figures['p50_ms']:.1f} ms,"
                  f" idle {figures['idle_cpu_percent']:.2f} % of a core")
    return {"title": "commit of an SQL append -> its position", "limit": None, "rows": rows}


def catch_up(stage):
    url = database(stage)
    stage.run("store-append", store=url, **load(stage, stage.chosen.events, batch=1000))
    stage.sql(url, "VACUUM ANALYZE penstock.events; CHECKPOINT;")
    return alternate(stage, "j", {
        "penstock, pages of 2,000": lambda: stage.run("store-read", store=url),
        "COPY TO": lambda: stage.run("bare-read", url=url),
    }, "COPY TO", "catching up with the whole log")


def blocks_touched(stage, url):
    # A session tells its figures when it ends, and the collector within a second.
    time.sleep(1.5)
    return int(stage.sql(url, "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()"))


def growth(stage):
    """The same appends to a store that is ten times as large."""
    url = database(stage)
    small, large = stage.chosen.events // 5, 2 * stage.chosen.events
    sample = load(stage, stage.chosen.events // 10, batch=10, clients=16)
    rows = {"at the small size": [], "penstock, ten times as large": []}
    for name, size in zip(rows, (small, large)):
        held = int(stage.sql(url, "SELECT position FROM penstock.head"))
        stage.run("store-append", store=url, **load(stage, size - held, batch=1000))
        stage.sql(url, "VACUUM ANALYZE penstock.events; CHECKPOINT;")
        for _ in range(stage.chosen.runs):
            before = blocks_touched(stage, url)
            figures = rated(stage.run("store-append", store=url, **sample))
            figures["blocks_per_event"] = (blocks_touched(stage, url) - before) / figures["events"]
            rows[name].append(figures)
            stage.say(f"k: {size:,} events: {figures['rate']:,.0f}/s, {figures['blocks_per_event']:.2f} blocks an event")
    return {"title": f"cost of an event at {small:,} and {large:,} events", "limit": "at the small size", "rows": rows}


def embedded(stage):
    wanted = load(stage, stage.chosen.events // 2, batch=1000)
    alone = load(stage, stage.chosen.singles)
    bare = {"file": stage.folder / "bare.db"}
    rows = {}
    for title, each in (("1,000 events a request", wanted), ("1 event a request", alone)):
        stores = [migrated(stage) for _ in range(stage.chosen.runs + 1)]
        bare["like"] = pathlib.Path(stores.pop().removeprefix("sqlite:"))
        measured = alternate(stage, "l", {
            f"penstock, {title}": lambda: stage.run("store-append", store=stores.pop(), **each),
            f"prepared INSERT, {title}": lambda: stage.run("bare-sqlite", **bare, **each),
        }, None, "")
        rows.update(measured["rows"])
    return {"title": "SQLite: appends of one caller", "rows": rows,
            "limit": {name: name.replace("penstock", "prepared INSERT") for name in rows if name.startswith("penstock")}}


ALL = {"f": batches, "g": singles, "h": one_caller, "i": by_sql, "j": catch_up, "k": growth, "l": embedded, "m": wake_up}
