# T73: uploads by real clients that are cut off after any number of bytes on the line, by a reset or by
# killing the client: each is told once, as aborted unless all of it is there; with sftp-atomic nobody
# ever sees a part under the file's name, and parts are removed or kept as configured.
# seconds: 180
. "$(dirname "$0")/lib.sh"
need sftp scp
configure '{"plugins": [
        {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W/users.json"'"}},
        {"name": "files", "plugin": "fs-posix"},
        {"name": "atomic", "plugin": "sftp-atomic", "config": {"paths": ["/removed"]}},
        {"name": "keeping", "plugin": "sftp-atomic",
         "config": {"paths": ["/kept"], "on_abort": "keep"}}],
    "chains": {"channel": [], "sftp": ["atomic", "keeping"]}, "log": {"format": "json"}}'
daemon_start
mkdir "$W"/root/alice/{plain,removed,kept}
random_file "$W/data" 1000000

PYTHONPATH=$TESTS/support "$PYTHON" - "$W" <<'END'
import concurrent.futures
import json
import os
import random
import subprocess
import sys
import time

from cutting import Cut

W = sys.argv[1]
ROOT = W + "/root/alice/"
SIZE = 1000000
OPTIONS = ["-F", W + "/ssh_config"]
random.seed(1)

# The bytes that whole uploads take, for each client.
def client(tool, cut, target):
    if tool == "sftp":
        return cut.run(["sftp", "-q", "-b", "-", *OPTIONS, "-P", "{port}", "target"],
                       f"put {W}/data {target}\n")
    return cut.run(["scp", "-q", "-O" if tool == "scp" else "-s", *OPTIONS, "-P", "{port}",
                    W + "/data", "target:" + target])

whole = {}
for tool in ("sftp", "scp"):
    cut = Cut(None, "reset")
    assert client(tool, cut, f"/plain/whole-{tool}") == 0, tool
    whole[tool] = cut.sent

# Many places, most of them where the file is on its way; and the last bytes one by one.
cases = []
for tool in ("sftp", "scp"):
    places = sorted(random.randrange(2000, whole[tool]) for _ in range(18))
    places += [whole[tool] - back for back in (0, 1, 40, 80, 120, 160, 240, 320, 480, 640)]
    for number, place in enumerate(places):
        where = ("plain", "removed", "kept")[number % 3]
        how = ("reset", "kill")[number // 3 % 2]
        cases.append((tool, place, how, f"{where}/{tool}-{number}-{place}"))

def run(case):
    tool, place, how, name = case
    return client(tool, Cut(place, how), "/" + name)

with concurrent.futures.ThreadPoolExecutor(4) as pool:
    codes = list(pool.map(run, cases))

KINDS = {"sftp.uploaded": "uploaded", "sftp.upload_aborted": "aborted"}

def events():
    """The final name, the kind and the record of each."""
    for line in open(W + "/log", encoding="utf-8"):
        record = json.loads(line) if line.startswith("{") else {}
        if record.get("event") in KINDS:
            name = record["path"].lstrip("/")
            directory, base = name.rsplit("/", 1)
            if ".sallyport-" in base:
                name = directory + "/" + base[1:base.index(".sallyport-")]
            yield name, KINDS[record["event"]], record

def is_settled():
    status = subprocess.run(
        [os.environ["SALLYPORT_PREFIX"] + "/bin/sallyport", "status", "--json", "--socket",
         W + "/state/control.sock"], check=True, capture_output=True)
    return json.loads(status.stdout)["connections"] == 0

end = time.monotonic() + 60
while not is_settled():
    assert time.monotonic() < end, "connections do not end"
    time.sleep(0.05)
# Events follow the end of the connection; those that are still to come are waited for below.
expected = open(W + "/data", "rb").read()
counts = {}
for (tool, place, how, name), code in zip(cases, codes):
    path = ROOT + name
    directory, base = os.path.split(path)
    def told():
        return [(kind, record) for other, kind, record in events() if other == name]
    def parts():
        return [p for p in os.listdir(directory) if p.startswith("." + base + ".sallyport-")]
    def is_there():
        return os.path.exists(path) or parts()
    while is_there() and not told():
        assert time.monotonic() < end, f"{name}: nothing was told"
        time.sleep(0.05)
    found = told()
    assert len(found) <= 1, (name, found)
    kind, record = found[0] if found else ("nothing", {})
    size = os.path.getsize(path) if os.path.exists(path) else None
    is_whole = size == SIZE and open(path, "rb").read() == expected
    print(f"{tool:5}{how:6} after {place:7} of {whole[tool]} bytes, exit {code:4}: {kind:9}"
          f" {record.get('path', '')} size={record.get('size', '')} {record.get('reason', '')}")
    if code == 0:
        assert kind == "uploaded", name
    if kind == "uploaded":
        assert is_whole and record["size"] == SIZE, name
        assert not parts(), name
    elif name.startswith("plain/"):
        assert kind == "aborted" or size is None, name
    else:
        assert size is None, f"{name}: a part has the name"
    if name.startswith("removed/"):
        while parts():
            assert time.monotonic() < end, f"{name}: {parts()} is left"
            time.sleep(0.05)
    if name.startswith("kept/") and kind == "aborted":
        assert len(parts()) == 1 and ".sallyport-" in record["path"], name
    counts[kind] = counts.get(kind, 0) + 1
print(counts)
assert counts.get("aborted", 0) >= 30, counts
assert counts.get("uploaded", 0) >= 2, counts
END
expect_no_log sftp.part_left
