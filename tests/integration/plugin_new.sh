# `sallyport plugin new`, for every kind: with nothing but the installed SDK the project builds (by
# CMake and by make), passes its own test, has no mistakes, and its sample configuration logs somebody
# in whom the plugin has served. Wrong names and places that are taken are told.
# seconds: 300
. "$(dirname "$0")/lib.sh"
need cmake ninja make cc pkg-config ssh sftp
pkg-config --exists cmocka jansson || skip "cmocka and jansson are not installed"
PKG_CONFIG_PATH=$(dirname "$(find "$SALLYPORT_PREFIX" -name sallyport-plugin.pc)")
export PKG_CONFIG_PATH

logged() # COMMAND...
{
    "$@" >"$W/out/build" 2>&1 || { cat "$W/out/build"; fail "$*"; }
}

# As a person would log in: by the password that is asked for.
printf '#!/bin/sh\ncat "$PASSWORD_FILE"\n' >"$W/askpass"
chmod +x "$W/askpass"
export SSH_ASKPASS=$W/askpass SSH_ASKPASS_REQUIRE=force
by_password=(-o BatchMode=no -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1)

sftp_by_password() # the first setting counts, and -b is one of BatchMode
{
    sftp -q "${by_password[@]}" -b - -F "$W/ssh_config" demo@target
}

build() # PROJECT
{
    local name
    name=$(basename "$1")
    logged cmake -G Ninja -S "$1" -B "$1/build" -DCMAKE_PREFIX_PATH="$SALLYPORT_PREFIX"
    logged cmake --build "$1/build"
    logged ctest --test-dir "$1/build" --no-tests=error --output-on-failure
    logged cmake --install "$1/build" --prefix "$W/installed"
    sallyport plugin check "$1/build/plugins/$name"
    sallyport plugin check "$(find "$W/installed" -name manifest.json -path "*/$name/*")"
    rm -r "$1/build"
    logged make -C "$1" all test
    logged make -C "$1" install DESTDIR="$W/made"
    sallyport plugin check "$1/build/plugins/$name"
}

# The sample as it is, but for what another daemon on this machine might have.
try() # PROJECT
{
    sallyport check "$1/try/sallyport.json"
    cp "$1/try/sallyport.json" "$W/config.json"
    configure "{\"state_directory\": \"$W/state\", \"host_keys\": {\"files\": [\"$W/host_key\"]},
        \"listeners\": [{\"name\": \"main\", \"address\": \"127.0.0.1\", \"port\": 0}]}"
    export PASSWORD_FILE=$1/try/password
    daemon_start
}

for kind in auth fs sftp channel connection log; do
    project=$W/p/my-$kind
    mkdir -p "$W/p"
    sallyport plugin new "my-$kind" --kind $kind --dir "$W/p" >"$W/out/new"
    ! grep -rE 'my-plugin|my_plugin|@[A-Z]' "$project" || fail "$kind: words of the template remain"
    expect_equal "$(stat -c %a "$project/try" "$project/try/sallyport.json" | xargs)" "700 600" \
        "$kind: who may read the password"
    build "$project"
    try "$project"
    case $kind in
    fs)
        sftp_by_password <<<'get welcome.txt' >/dev/null
        expect_equal "$(cat welcome.txt)" "It works." "the file"
        expect_failure sftp_by_password <<<'put welcome.txt other.txt'
        ;;
    channel)
        expect_equal "$(echo hello | ssh_ "${by_password[@]}" demo@target count)" "6 bytes" \
            "the answer"
        ;;
    *)
        echo hello >hello.txt
        sftp_by_password <<<$'put hello.txt\nls -l' >"$W/out/listing"
        grep -qE '^-.* 6 .*hello.txt' "$W/out/listing" || fail "$kind: the file is not there"
        ;;
    esac
    case $kind in
    auth) wait_log 'auth.accepted .*plugin=my-auth' ;;
    sftp)
        wait_log 'plugin.log .*instance=my-sftp .*demo has written /hello.txt'
        expect_failure sftp_by_password <<<'put hello.txt hello.exe'
        ;;
    connection) wait_log 'plugin.log .*instance=my-connection .*a client has left' ;;
    log) wait_for 20 "the record of the login" \
        grep -q 'auth.accepted .*user=demo' "$project/try/records" ;;
    esac
    echo wrong >"$W/wrong"
    PASSWORD_FILE=$W/wrong expect_failure ssh_ "${by_password[@]}" demo@target true
    daemon_stop
    rm "$W/log"
done

refused() # REGEX ARGUMENTS...
{
    local says=$1
    shift
    expect_failure sallyport plugin new "$@"
    expect_match "$(cat "$W/out/failure")" "$says" "what is said of $*"
}
refused 'is there already' my-auth --kind auth --dir "$W/p"
refused 'no name for a plugin' ../up --kind auth --dir "$W/p"
refused 'no name for a plugin' Upper --kind auth
refused 'no name for a plugin' 2fa --kind auth
refused 'no name for a plugin' '' --kind auth
refused 'build tools' test --kind auth
refused 'no kind of plugin; there are auth' other --kind shell
refused 'kind: is missing' other
refused 'No such file' other --kind auth --dir "$W/nowhere"
[ ! -e "$W/up" ] && [ ! -e other ] || fail "something was made all the same"
