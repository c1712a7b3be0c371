# T25: no proof is no proof: "none", an empty password, users without a hash, unknown ones, and
# backends that fail or do not answer.
. "$(dirname "$0")/lib.sh"
add_user nohash '{"password": null}'
configure '{"limits": {"auth_tries": 20}, "plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "open", "plugin": "judge", "config": {"none": true, "permit": 2}},
    {"name": "silent", "plugin": "never-answers", "deadline_ms": 200},
    {"name": "garbage", "plugin": "garbage-verdict"},
    {"name": "files", "plugin": "fs-posix"}, {"name": "shell", "plugin": "exec-shell"}]}'
daemon_start
raw <<'END'
from rawauth import *
for name in ("alice", "nohash", "nobody"):
    login = Login(PORT, name)
    for answer in (login.none, lambda: login.password(""), lambda: login.change("", "long enough"),
                   lambda: login.request("password", boolean(False) + string(b"\0")),
                   lambda: login.request("password", boolean(False) + string(PASSWORD + "\0")),
                   lambda: login.request("password"), lambda: login.ask()):
        check(answer() == USERAUTH_FAILURE, f"{name} is in")
END
for broken in silent garbage; do
    configure "{\"chains\": {\"auth\": [\"$broken\", \"users\"]}}"
    reload
    raw <<'END'
from rawauth import *
login = Login(PORT, USER)
check(login.password(PASSWORD) == USERAUTH_FAILURE, "in, though a plugin failed")
END
done
configure '{"chains": {"auth": ["open"]}}'
reload
expect_equal "$(ssh_ -o PreferredAuthentications=none target 'echo in')" in "a plugin that wants no proof"
