# A reload with a configuration that is wrong, or whose plugins do not start, changes nothing: it
# says why, and the old workers go on.
. "$(dirname "$0")/lib.sh"
daemon_start
workers=$(worker_pids)
cp "$W/config.json" "$W/good.json"

try() # PATCH REGEX
{
    configure "$1"
    expect_failure reload
    expect_match "$(cat "$W/out/failure")" "$2" "what reload says"
    expect_equal "$(worker_pids)" "$workers" "workers"
    raw <<<'others_are_served()'
    cp "$W/good.json" "$W/config.json"
}
try '{"workers": "many"}' 'workers'
try '{"algorithms": {"ciphers": ["rot13"]}}' 'rot13'
try '{"plugins": [{"name": "users", "plugin": "no-such-plugin"}]}' 'no-such-plugin'
try '{"host_keys": {"files": ["/nonexistent/key"], "generate": false}}' '/nonexistent/key'
echo '{"workers": 1,' >"$W/config.json"
expect_failure reload
raw <<<'others_are_served()'
cp "$W/good.json" "$W/config.json"
reload
raw <<<'others_are_served()'
