"""The table, ratios first, and the JSON file."""
import json
import os
import platform
import statistics

SOURCE = "penstock's source alone"
# What is aimed at, now and in the end; where it is said for some rows only, the others are limits.
AIMS = {
    "a": [("ratio", ">=", 0.7, 0.9)],
    "b": [("ratio", ">=", 0.6, 0.8)],
    "c": [("p50_ms", "<=", 10, {"polled": 8, "listen": 3})],
    "d": [("idle_rss_mb", "<=", 20, 15), ("first_event_ms", "<=", 300, 200)],
    "e": [("p99_ratio", "<=", 2, 2)],
    "f": [("ratio", ">=", 0.8, 0.8)],
    "g": [("ratio", ">=", 10, 10)],
    "h": [("ratio", ">=", 0.9, 0.9)],
    "i": [("ratio", ">=", 0.7, 0.7)],
    "j": [("ratio", ">=", 0.5, 0.5)],
    "k": [("ratio", ">=", 0.8, 0.8)],
    "l": [("ratio", ">=", 0.8, 0.8)],
    "m": [("p50_ms", "<=", 10, 10), ("idle_cpu_percent", "<=", 1, 1), ("idle_transactions_per_second", "<=", 20, 20)],
    "n": [("ratio", ">=", 1.1, 1.1), ("reader_cpu_seconds", "<=", 0.15, {SOURCE: 0.15})],
    "o": [("ratio", ">=", 1.5, 1.5), ("reader_cpu_seconds", "<=", 0.15, {SOURCE: 0.15})],
    "p": [("ratio", ">=", 0.9, 0.9)],
    "q": [("p50_ms", "<=", 2, {"penstock": 2}), ("p99_ms", "<=", 8, {"penstock": 8}),
          ("cpu_percent", "<=", 10, {"penstock": 10})],
    "r": [("max_rss_mb", "<=", 40, 40), ("idle_cpu_percent", "<=", 1, 1)],
}
UNITS = {"ratio": "", "p99_ratio": "", "p50_ms": " ms", "p99_ms": " ms", "idle_rss_mb": " MB", "first_event_ms": " ms", "rate": "/s",
         "idle_cpu_percent": " %", "idle_transactions_per_second": "/s", "reader_cpu_seconds": " s", "cpu_percent": " %", "max_rss_mb": " MB"}

LATENCY_RATIOS = {"p50_to_limit": "p50_ms", "p99_to_limit": "p99_ms"}
DETAILS = ["records", "p50_ms", "p99_ms", "behind_seconds", "blocks_per_event", "reader_cpu_seconds"]


def medians(figures):
    return {name: statistics.median(run[name] for run in figures) for name in figures[0]}


def limit_of(limit, name):
    return limit.get(name) if isinstance(limit, dict) else limit


def condensed(result):
    """Medians of each row, and the ratio of ours to the limits, of runs of the same round."""
    rows = {name: medians(figures) for name, figures in result["rows"].items()}
    for name, figures in result["rows"].items():
        if not name.startswith("penstock"):
            continue

        def ratio_to(limit, figure, figures=figures):
            return statistics.median(ours[figure] / theirs[figure] for ours, theirs in zip(figures, result["rows"][limit]))

        limit, limit_in_order = (limit_of(result.get(which), name) for which in ("limit", "limit_in_order"))
        if limit:
            # At a steady rate all are equally fast; what differs is how late an event comes.
            of_latency = "max_ms" in rows[name]
            for ratio, figure in LATENCY_RATIOS.items() if of_latency else [("ratio", "rate")]:
                rows[name][ratio] = ratio_to(limit, figure)
        if limit_in_order:
            rows[name]["ratio_in_order"] = ratio_to(limit_in_order, "rate")
    return rows


def shown(name, value):
    digits = {"ratio": 2, "p99_ratio": 2, "rate": 0, "first_event_ms": 0, "idle_cpu_percent": 2,
              "reader_cpu_seconds": 2}.get(name, 1)
    return f"{value:,.{digits}f}{UNITS.get(name, '')}"


def lines_of_aims(key, rows):
    for figure, relation, now, final in AIMS[key]:
        for name, values in rows.items():
            if figure not in values or (isinstance(final, dict) and name not in final):
                continue
            last = final[name] if isinstance(final, dict) else final
            reached = values[figure] >= now if relation == ">=" else values[figure] <= now
            yield (f"  {shown(figure, values[figure]):>10}  {figure.replace('_', ' ')}, {name}"
                   f"   (aim {relation} {shown(figure, now)}: {'reached' if reached else 'MISSED'};"
                   f" final aim {relation} {shown(figure, last)})")


def lines_of_ratios_in_order(rows):
    for name, values in rows.items():
        if "ratio_in_order" in values:
            yield f"  {values['ratio_in_order']:>10.2f}  ratio to what waits for commits too, {name}"


def lines_of_rates(rows):
    for name, values in rows.items():
        if "rate" not in values or "seconds" not in values:
            continue
        more = "".join(f", {detail.replace('_', ' ')} {values[detail]:.2f}" for detail in DETAILS if detail in values)
        yield (f"  {shown('rate', values['rate']):>12}  {name}: {values['seconds']:.2f} s,"
               f" CPU {values['cpu_seconds']:.1f} s, {values['max_rss_kb'] / 1024:.0f} MB{more}")


def lines_of_latency(rows):
    for name, values in rows.items():
        if "max_ms" in values:
            to_limit = "".join(f", {figure[:3]} {values[ratio]:.2f} of the limit's"
                               for ratio, figure in LATENCY_RATIOS.items() if ratio in values)
            share = f", {values['cpu_percent']:.0f} % of a core" if "cpu_percent" in values else ""
            yield (f"  p50 {values['p50_ms']:.1f}  p90 {values['p90_ms']:.1f}  p99 {values['p99_ms']:.1f}"
                   f"  max {values['max_ms']:.0f} ms  {name}, {values['rate']:.0f} events/s{to_limit}{share};"
                   f" written in p50 {values['write_p50_ms']:.2f} p99 {values['write_p99_ms']:.2f} ms,"
                   f" machine {values['busy_percent']:.0f} % busy")


def write(results, chosen, path):
    medians_of = {key: condensed(result) for key, result in results.items()}
    for key, result in results.items():
        print(f"{key}  {result['title']}")
        rows = medians_of[key]
        for line in [*lines_of_aims(key, rows), *lines_of_ratios_in_order(rows), *lines_of_rates(rows),
                     *lines_of_latency(rows)]:
            print(line)
    document = {
        "machine": {"cpus": os.cpu_count(), "system": platform.platform()},
        "options": {name: getattr(chosen, name) for name in
                    ("events", "runs", "payload", "keys", "partitions", "linger", "batch", "rate", "seconds")},
        "medians": medians_of,
        "runs": {key: result["rows"] for key, result in results.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path}")
