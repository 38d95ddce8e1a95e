#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts checks: count.py MESON_TESTLOG_JSON MESON_STATUS; ends with the line `N passed, N failed`.

A test program that reports its checks in the Test Anything Protocol counts once for each, any other once. A program that
fails without a failed check (a crash, a time-out) counts as one failure beside its checks. With CI=true in the environment a
skipped program is a failure, unless it is in the suite `data`: its pictures are not in the repository.
"""

import json
import os
import re
import sys

CHECK = re.compile(r'^(not )?ok \d+ - (.*)$', re.MULTILINE)
# Meson calls a test `project:suite+suite / name`.
DATA_SUITE = re.compile(r'[:+]data[+ ]')


def count(lines, skips_fail):
    """Returns how many checks passed, the names of those that failed and of the programs skipped."""
    passed, failed, skipped = 0, [], []
    for test in map(json.loads, filter(str.strip, lines)):
        name, result = test['name'], test['result']
        if result == 'SKIP':
            reason = test.get('stderr', '').strip().rpartition('\n')[2]
            needed = skips_fail and not DATA_SUITE.search(name)
            (failed if needed else skipped).append(f'{name}: {reason or "skipped"}')
            continue
        checks = CHECK.findall(test.get('stdout', ''))
        bad = [f'{name}: {text}' for is_bad, text in checks if is_bad]
        good = len(checks) - len(bad)
        if result in ('OK', 'EXPECTEDFAIL'):
            good = good or not bad
        elif not bad:
            bad = [f'{name}: {result} (exit status {test.get("returncode")})']
        passed += good
        failed += bad
    return passed, failed, skipped


def main():
    path, status = sys.argv[1], int(sys.argv[2])
    try:
        with open(path, encoding='utf-8', errors='replace') as log:
            passed, failed, skipped = count(log, os.environ.get('CI') == 'true')
    except OSError as error:
        passed, failed, skipped = 0, [f'no log of the tests: {error}'], []
    if status != 0 and not failed:
        failed = [f'meson test ended with status {status}']
    for name in skipped:
        print(f'SKIPPED {name}')
    for name in failed:
        print(f'FAILED  {name}')
    print(f'{passed} passed, {len(failed)} failed')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
