"""From runs to a table that people read."""

import os
import platform
import statistics
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """What came of a case: medians of the runs of each server."""

    case: object
    ours: dict
    peer: dict

    @property
    def verdicts(self):
        """(figure, ratio, target, reached) of the targets of the case."""
        rate, cpu, p99 = (self.ours[name] / self.peer[name] for name in ("rate", "cpu", "p99"))
        wanted = (("req/s", rate, self.case.rate, 1), ("CPU", cpu, self.case.cpu, -1),
                  ("p99", p99, self.case.p99, -1))
        return [(name, ratio, target, (ratio - target) * sign >= 0)
                for name, ratio, target, sign in wanted if target]


def line(case, ours, peer):
    return Line(case, medians(ours), medians(peer))


def medians(runs):
    def middle(value):
        return statistics.median(map(value, runs))

    return {
        "rate": middle(lambda run: run.rate),
        "cpu": middle(lambda run: run.cpu_per_request),
        "p50": middle(lambda run: run.p50),
        "p99": middle(lambda run: run.p99),
    }


def machine():
    """The machine and the peer, in one line."""
    model = next((text.partition(":")[2].strip() for text in open("/proc/cpuinfo")
                  if text.startswith("model name")), platform.machine())
    said = subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release()}, {said.partition(': ')[2].strip()}"


def served(lines):
    yield "| case | req/s | nginx | ratio | CPU µs | nginx | ratio | p50 / p99 ms | nginx | target |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- | --- |"
    for each in lines:
        ours, peer = each.ours, each.peer
        yield (
            f"| {each.case.name} | {ours['rate']:,.0f} | {peer['rate']:,.0f} "
            f"| **{ours['rate'] / peer['rate']:.2f}** "
            f"| {ours['cpu'] * 1e6:,.1f} | {peer['cpu'] * 1e6:,.1f} "
            f"| **{ours['cpu'] / peer['cpu']:.2f}** "
            f"| {latency(ours)} | {latency(peer)} | {targets(each)} |"
        )


def latency(figures):
    return f"{figures['p50'] * 1e3:.2f} / {figures['p99'] * 1e3:.2f}"


def targets(each):
    relation = {"req/s": "≥", "CPU": "≤", "p99": "≤"}
    return ", ".join(
        f"{name} {relation[name]} {target}: {'reached' if reached else 'MISSED'}"
        for name, _, target, reached in each.verdicts
    )


def written(rows):
    yield "| upload | per second | disk alone | ratio | target |"
    yield "| --- | ---: | ---: | ---: | --- |"
    for name, ours, disk, target in rows:
        ratio = ours / disk
        verdict = f"≥ {target}: {'reached' if ratio >= target else 'MISSED'}" if target else ""
        yield f"| {name} | {ours:,.1f} | {disk:,.1f} | **{ratio:.2f}** | {verdict} |"


def listed(rows):
    yield "| listing | pages per second | p50 ms |"
    yield "| --- | ---: | ---: |"
    for name, rate, p50 in rows:
        yield f"| {name} | {rate:,.0f} | {p50 * 1e3:.2f} |"
