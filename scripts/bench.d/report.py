"""From samples to words: medians, ratios, gates, the table.

Pure functions over plain dictionaries; nothing here runs or measures.
"""

import statistics

NOISE = 0.05     # between the same peer measured twice: no verdict above
SHARED = 0.05    # of the time waited for the core: worth a warning

# The goals: the ratio of CPU per request that must hold, and the one hoped
# for (None where there is none). Keys: workload, the other peer.
GATES = {
    ("W1", "nginx"): (0.90, 0.80),
    ("W1", "haproxy"): (0.80, 0.70),
    ("W2", "nginx"): (0.80, 0.74),
    ("W2", "haproxy"): (0.80, 0.75),
    ("W2", "relay"): (1.12, 1.06),
    ("W3", "nginx"): (0.75, 0.67),
    ("W3", "haproxy"): (0.82, 0.75),
    ("W3", "relay"): (1.15, 1.08),
    ("W4a", "nginx"): (0.95, 0.80),
    ("W4a", "haproxy"): (0.75, None),
    ("W4a", "relay"): (None, 1.10),
    ("W4b", "nginx"): (0.95, 0.70),
    ("W5", "10 routes"): (1.03, None),
}
CALL_GATES = {"W1": 2.1, "W2": 4.1}
MEMORY_GATE = (512, 320)

GREEN, RED, BOLD, PLAIN = "\033[32m", "\033[31m", "\033[1m", "\033[0m"


def spread(values):
    return {"median": statistics.median(values),
            "low": min(values), "high": max(values)}


def judge(value, gate, stretch):
    """met, stretch or missed; None where there is no gate to meet."""
    if stretch is not None and value <= stretch:
        return "stretch"
    if gate is None:
        return None
    return "met" if value <= gate else "missed"


def mean_of(samples, key):
    return statistics.mean(sample[key] for sample in samples)


def summarize(workload, subject, reference, rounds):
    """One workload's result from its rounds.

    A round maps a peer's name to its samples; the reference has two, one at
    each end, and stands in the ratio with their mean.
    """
    names = list(rounds[0])
    result = {"peers": {}, "ratios": {}, "rounds": len(rounds)}
    for name in names:
        samples = [sample for turn in rounds for sample in turn[name]]
        result["peers"][name] = {
            key: spread([sample[key] for sample in samples])
            for key in samples[0]}
    twice = [turn[reference][1]["cpu_us"] / turn[reference][0]["cpu_us"]
             for turn in rounds if len(turn[reference]) == 2]
    result["twice"] = {"peer": reference, **spread(twice)} if twice else None
    result["steady"] = bool(twice) and \
        abs(result["twice"]["median"] - 1) <= NOISE
    for name in names if subject in names else []:
        if name != subject:
            result["ratios"][name] = ratio(workload, subject, name, rounds,
                                           result["steady"])
    return result


def ratio(workload, subject, other, rounds, steady):
    shares = {key: spread([mean_of(turn[subject], key) /
                           mean_of(turn[other], key) for turn in rounds])
              for key in ("cpu_us", "p99_us")}
    gate, stretch = GATES.get((workload, other), (None, None))
    verdict = judge(shares["cpu_us"]["median"], gate, stretch)
    return {"cpu": shares["cpu_us"], "p99": shares["p99_us"], "gate": gate,
            "stretch": stretch, "verdict": verdict if steady else None}


# --- words -----------------------------------------------------------------

def micro(value):
    """Microseconds, as milliseconds where there are many."""
    if value >= 10000:
        return f"{value / 1000:,.1f} ms"
    return f"{value:,.2f} µs" if value < 100 else f"{value:,.0f} µs"


def interval(values):
    return (f"{values['median']:.2f} "
            f"({values['low']:.2f}–{values['high']:.2f})")


def goal(gate, stretch):
    words = [f"≤ {gate:.2f}"] if gate is not None else []
    words += [f"stretch ≤ {stretch:.2f}"] if stretch is not None else []
    return ", ".join(words)


def align(rows):
    """Lines of columns: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  " + "  ".join(
        cell.ljust(width) if i == 0 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
            for row in rows]


def paint(text, colour, on):
    return f"{colour}{text}{PLAIN}" if on else text


def paint_verdict(verdict, on):
    if verdict is None:
        return "–"
    colour = RED if verdict == "missed" else GREEN
    return paint(verdict, colour, on)


def peer_rows(result):
    rows = [("", "CPU/request", "range", "requests/s", "p50", "p99", "busy",
             "calls/request")]
    for name, peer in result["peers"].items():
        cpu = peer["cpu_us"]
        calls = result.get("calls", {}).get(name)
        rows.append((
            name, micro(cpu["median"]),
            f"{micro(cpu['low'])} – {micro(cpu['high'])}",
            f"{peer['per_second']['median']:,.0f}",
            micro(peer["p50_us"]["median"]), micro(peer["p99_us"]["median"]),
            f"{peer['busy']['median'] * 100:.0f}%",
            f"{calls['per_request']:.2f}" if calls else "–"))
    return rows


def ratio_lines(result, subject, colour):
    rows = [("CPU per request", "median (range)", "goal", "")]
    verdicts = [""]
    for name, entry in result["ratios"].items():
        rows.append((f"{subject} / {name}", interval(entry["cpu"]),
                     goal(entry["gate"], entry["stretch"]), ""))
        has_goal = entry["gate"] or entry["stretch"]
        verdicts.append(paint_verdict(entry["verdict"], colour)
                        if has_goal else "")
    lines = align(rows)
    return [line + ("  " + verdict if verdict else "")
            for line, verdict in zip(pad(lines), verdicts)]


def pad(lines):
    width = max(len(line) for line in lines)
    return [line.ljust(width) for line in lines]


def noise_line(result, colour):
    twice = result["twice"]
    if twice is None:
        return "  no verdict: the reference peer was not measured"
    text = f"{twice['peer']} measured twice: {interval(twice)}"
    if result["steady"]:
        return "  " + text
    return "  " + paint(f"no verdict: {text}, over {NOISE * 100:.0f}% apart; "
                        "repeat on a quieter machine", RED, colour)


def shared_lines(result, colour):
    """A warning when other programs took the proxies' core from them."""
    waited = max(peer["waited"]["median"] for peer in result["peers"].values())
    if waited <= SHARED:
        return []
    return [paint(f"  other programs ran on the proxies' core for up to "
                  f"{waited * 100:.0f}% of the time", RED, colour)]


def workload_lines(title, result, subject, colour):
    lines = [paint(title, BOLD, colour)] + align(peer_rows(result))
    if result["ratios"]:
        lines += ratio_lines(result, subject, colour)
    for extra in result.get("extra", []):
        lines.append(f"  {extra['what']}: {extra['says']}  " +
                     paint_verdict(extra["verdict"], colour))
    return lines + [noise_line(result, colour),
                    *shared_lines(result, colour), ""]


def memory_lines(title, result, colour):
    rows = [("", "bytes/connection", "goal")]
    for name, entry in result["peers"].items():
        gate = f"≤ {MEMORY_GATE[0]}, stretch ≤ {MEMORY_GATE[1]}" \
            if entry["verdict"] else ""
        rows.append((name, f"{entry['bytes']:,.0f}", gate))
    verdicts = [""] + [entry["verdict"] for entry in result["peers"].values()]
    lines = [line + ("  " + paint_verdict(verdict, colour) if verdict else "")
             for line, verdict in zip(pad(align(rows)), verdicts)]
    return [paint(title, BOLD, colour)] + lines + [""]


def micro_lines(title, result, colour):
    rows = [("routes", "64 popular ones", "growth", "all alike", "build",
             "bytes/route")]
    for entry in result["sizes"]:
        rows.append((f"{entry['routes']:,}", f"{entry['popular_ns']:.0f} ns",
                     f"{entry['growth']:.2f}", f"{entry['all_ns']:.0f} ns",
                     f"{entry['build_ms']:.1f} ms",
                     f"{entry['bytes_per_route']:.0f}"))
    return [paint(title, BOLD, colour)] + align(rows) + [""]
