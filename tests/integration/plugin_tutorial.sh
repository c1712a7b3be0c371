# The tutorial for authors, followed to the letter: its files are taken from its text, its commands are
# done, and users log in as it says.
# seconds: 180
. "$(dirname "$0")/lib.sh"
need cmake cc pkg-config sftp
pkg-config --exists cmocka jansson || skip "cmocka and jansson are not installed"
[ -f "$TESTS/tutorial.md" ] || skip "the tutorial is not here"

logged() # COMMAND...
{
    "$@" >"$W/out/build" 2>&1 || { cat "$W/out/build"; fail "$*"; }
}

printf '#!/bin/sh\ncat "$PASSWORD_FILE"\n' >"$W/askpass"
chmod +x "$W/askpass"
export SSH_ASKPASS=$W/askpass SSH_ASKPASS_REQUIRE=force
log_in() # USER PASSWORD-FILE
{
    PASSWORD_FILE=$2 sftp -q -o BatchMode=no -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 \
        -b - -F "$W/ssh_config" "$1@target" <<<pwd
}

# The sample, but for what another daemon on this machine might have.
start()
{
    sallyport check try/sallyport.json
    cp try/sallyport.json "$W/config.json"
    configure "{\"state_directory\": \"$W/state\", \"host_keys\": {\"files\": [\"$W/host_key\"]},
        \"listeners\": [{\"name\": \"main\", \"address\": \"127.0.0.1\", \"port\": 0}]}"
    daemon_start
}

# 1
sallyport plugin new auth-program --kind auth >/dev/null
cd auth-program
logged cmake -B build -DCMAKE_PREFIX_PATH="$SALLYPORT_PREFIX"
logged cmake --build build
logged ctest --test-dir build --no-tests=error
start
log_in demo try/password
wait_log 'auth.accepted .*user=demo .*plugin=auth-program'
daemon_stop
rm "$W/log"

# 2 to 5
"$PYTHON" - "$TESTS/tutorial.md" <<'END'
import re, sys
text = open(sys.argv[1], encoding="utf-8").read()
files = re.findall(r"^File `([^`]+)`:\n\n```\w*\n(.*?)^```$", text, flags=re.S | re.M)
assert [name for name, _ in files] == ["manifest.json", "auth-program.c", "test_auth_program.c", "judge"]
for name, content in files:
    with open(name, "w", encoding="utf-8") as file:
        file.write(content)
END
chmod +x judge
logged cmake --build build
logged ctest --test-dir build --no-tests=error
sallyport plugin check build/plugins/auth-program
"$PYTHON" - try/sallyport.json "$PWD/judge" <<'END'
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    config = json.load(file)
config["plugins"][0]["config"] = {"program": sys.argv[2]}
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(config, file)
END
sallyport plugin check build/plugins/auth-program --config try/sallyport.json
start
echo enchantress >"$W/right"
echo wrong >"$W/wrong"
log_in ada "$W/right"
wait_log 'auth.accepted .*user=ada .*plugin=auth-program'
expect_failure log_in ada "$W/wrong"
wait_log 'auth.denied .*user=ada .*plugin=auth-program reason="the program says no"'

# 6
logged cmake --install build --prefix "$W/installed"
sallyport plugin check "$(find "$W/installed" -name manifest.json)"
