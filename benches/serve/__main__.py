"""Measures refgate beside nginx: the same objects, rules and headers, in turn, on loopback."""

import argparse
import os
import resource
import shutil
import statistics
import sys
import time
from pathlib import Path

import cases
import corpus
import load
import servers
import table
import writes

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"


def arguments():
    parser = argparse.ArgumentParser(prog="benches/serve/run", description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="runs of each server and case [5]")
    parser.add_argument("--seconds", type=int, default=3, help="length of a run [3]")
    parser.add_argument("--many", type=int, default=100_000, help="distinct small objects [100000]")
    parser.add_argument("--only", default="", help="cases whose names contain this; no uploads")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--folder", type=Path, default=ROOT / "target/bench-serve",
                        help="objects of both servers; kept for the next run [target/bench-serve]")
    return parser.parse_args()


def say(text):
    print(text, file=sys.stderr, flush=True)


def prepared(options):
    """The folder of the objects, filled once, and refgate on it."""
    folder = options.folder / str(options.many)
    done = folder / "complete"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        say(f"writing {options.many} objects for both servers, once")
        corpus.write_tree(folder / "files", options.many)
    refgate = servers.Refgate(os.environ["REFGATE_BIN"], folder / "refgate")
    try:
        if done.exists():
            corpus.put_policies(refgate)
        else:
            corpus.upload(refgate, folder / "files", options.many)
            done.touch()
    except BaseException:
        refgate.stop()
        raise
    return folder, refgate


def measure(case, pair, options):
    """Runs of both servers in turn, so that what else the machine does falls on both."""
    runs = {server.name: [] for server in pair}
    for turn in range(options.pairs + 1):
        for server in pair:
            seconds = options.seconds if turn else case.warm
            run = load.wrk(server, case.path_of(server), seconds, case.connections,
                           case.headers_of(server), case.script, case.arguments_of(server))
            expected = run.requests if case.status >= 400 else 0
            if run.refused != expected or run.broken:
                raise RuntimeError(f"{server.name}, {case.name}: {run}")
            # The first run only warms the caches: that of the system, too.
            if turn:
                runs[server.name].append(run)
    return table.line(case, runs["refgate"], runs["nginx"])


def compared(refgate, pair, options):
    """The share of processor time by which the second case is dearer than the first, in turn. Two runs
    of the same differ by a tenth, so what is to be told apart by hundredths takes many short ones, and
    one thread: of two, one rests in some runs and not in others."""
    ratios, seconds = [], max(1, options.seconds // 2)
    for turn in range(8 * options.pairs + 1):
        runs = [load.wrk(refgate, case.path_of(refgate), seconds, case.connections,
                         case.headers_of(refgate), case.script, case.arguments_of(refgate))
                for case in pair]
        if turn:
            ratios.append(runs[1].cpu_per_request / runs[0].cpu_per_request)
    return statistics.median(ratios) - 1


def differences(options, folder):
    """What is said of cases of which one is held against another."""
    wanted = [it for it in cases.COMPARED if all(options.only in name for name in it[0])]
    if not wanted:
        return
    refgate = servers.Refgate(os.environ["REFGATE_BIN"], folder / "refgate", workers=1)
    try:
        corpus.put_policies(refgate)
        refgate.wait_until_idle()
        all_cases = {case.name: case for case in cases.cases(refgate, options.many, folder)}
        for names, said, target in wanted:
            say(f"{names[1]}, against {names[0]}")
            more = compared(refgate, [all_cases[name] for name in names], options)
            wish = "" if target is None else f" (target: at most +{target} %)"
            yield f"{said.format(f'{100 * more:+.1f} %')}{wish}."
    finally:
        refgate.stop()


def serve(options, folder, refgate):
    nginx = servers.Nginx(folder / "nginx", folder / "files", list(cases.locations()),
                          cases.same_headers(refgate))
    # What it was given is worked on for a while.
    refgate.wait_until_idle()
    lines = []
    try:
        for case in cases.cases(refgate, options.many, folder):
            if options.only in case.name:
                say(case.name)
                lines.append(measure(case, (refgate, nginx), options))
        memory = (refgate.peak_memory, nginx.peak_memory)
    finally:
        nginx.stop()
    yield from table.served(lines)
    yield ""
    yield f"Greatest memory of its own: {memory[0] / 2**20:.0f} MiB; nginx {memory[1] / 2**20:.0f} MiB."


def store(options, folder, refgate):
    say("uploads")
    yield from table.written(writes.puts(refgate, folder, options.pairs, options.seconds))
    yield ""
    say("listings")
    yield from table.listed(writes.listings(refgate, folder, options.pairs, options.seconds))
    yield ""


def start(options):
    say("start with 1 000 000 objects")
    folder = options.folder / "start"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    seconds, memory = writes.start_with_many(os.environ["REFGATE_BIN"], folder)
    shutil.rmtree(folder)
    yield (f"With 1 000 000 objects in the database the first GET is answered {seconds * 1e3:.0f} ms "
           f"after the start (target: 1 000 ms); memory at rest is {memory / 2**20:.0f} MiB "
           "(target: 40 MiB).")


def report(options):
    began = time.strftime("%Y-%m-%d")
    folder, refgate = prepared(options)
    command = f"benches/serve/run --pairs {options.pairs} --seconds {options.seconds} --write"
    lines = [f"{began}, {table.machine()}, medians of {options.pairs} runs of {options.seconds} s in turn:",
             "", "```sh", command, "```", ""]
    try:
        lines += serve(options, folder, refgate)
        lines.append("")
        if not options.only:
            lines += store(options, folder, refgate)
    finally:
        refgate.stop()
    lines += [*differences(options, folder), ""]
    if not options.only:
        lines += start(options)
    return "\n".join(lines).strip() + "\n"


def main():
    options = arguments()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    text = report(options)
    print(text)
    if options.write:
        page = ROOT / "docs/performance.md"
        before, _, rest = page.read_text().partition(BEGIN)
        page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
