"""Runs the import that its arguments are, and tells how long that took and how large the process became."""

import json
import sys
import time

statement = " ".join(sys.argv[1:])
began = time.perf_counter()
exec(statement)
took_s = time.perf_counter() - began
with open("/proc/self/status") as status:
    peak_kb = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(json.dumps({"ms": took_s * 1000, "mb": peak_kb / 1024}))
