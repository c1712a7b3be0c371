"""count_cases.py UNIT_XML COUNTS: what ctest's report says of each CMocka case. Prints one line for
each program, with its output if it failed, and writes "passed failed skipped" to COUNTS. A program
that dies counts as one failed case more."""
import re
import sys
import xml.etree.ElementTree as ElementTree

MARKS = (re.compile(r"\[ +OK \] "), re.compile(r"\[  FAILED  \] "), re.compile(r"\[  SKIPPED \] "))


def count_program(case):
    """[passed, failed, skipped] of one program."""
    counts = [0, 0, 0]
    is_summary = False  # where CMocka names again what failed or was skipped
    for line in (case.findtext("system-out") or "").splitlines():
        if line.startswith("[==========]"):
            is_summary = "Running" not in line
        for index, mark in enumerate(MARKS):
            if mark.match(line) and not is_summary:
                counts[index] += 1
    status = case.get("status")
    if status == "disabled":
        counts[2] += 1
    elif status != "run" and counts[1] == 0:
        counts[1] = 1
    if sum(counts) == 0:
        counts[0] = 1  # a program that prints no cases
    return counts


def main():
    report, target = sys.argv[1:]
    total = [0, 0, 0]
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        counts = count_program(case)
        total = [a + b for a, b in zip(total, counts)]
        word = "FAILED " if counts[1] else "ok     " if counts[0] else "skipped"
        print(f"{word} {case.get('name')}: {counts[0]} passed, {counts[1]} failed, "
              f"{counts[2]} skipped ({float(case.get('time', 0)):.1f} s)")
        if counts[1]:
            lines = (case.findtext("system-out") or "").splitlines()
            first = next((i for i, line in enumerate(lines) if "ERROR" in line), 0)
            print("\n".join("        " + line for line in lines[max(0, first - 5):first + 60]))
    with open(target, "w", encoding="ascii") as file:
        print(*total, file=file)


main()
