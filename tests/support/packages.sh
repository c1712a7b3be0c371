# packages.sh: what Debian 12 must have for the build and for the tests, and how to get it. Sourced
# by tests/run.sh and config/quickstart.sh.

BUILD_PACKAGES="gcc libc6-dev cmake ninja-build pkg-config libssh-dev libssl-dev libltdl-dev
    libjansson-dev libcrypt-dev zlib1g-dev libkrb5-dev libpam0g-dev libcurl4-openssl-dev libpq-dev
    libsqlite3-dev libldap-dev libargon2-dev libexpat1-dev"
TEST_PACKAGES="libcmocka-dev clang libclang-rt-dev mandoc python3 python3-paramiko
    python3-cryptography openssh-client openssh-server openssh-sftp-server lftp putty-tools rsync
    git make curl expect sshpass sshfs fuse3 strace procps util-linux g++ openssl oathtool sqlite3
    postgresql slapd ldap-utils restic rclone"

# Node.js from elsewhere brings its npm with it, and does not go with Debian's.
command -v npm >/dev/null || TEST_PACKAGES="$TEST_PACKAGES nodejs npm"

# Install those of the packages that are missing. 1 if that is not possible.
install_packages() # PACKAGE...
{
    local missing as_root=
    command -v dpkg-query >/dev/null || { echo "this is no Debian: nothing is installed"; return 1; }
    missing=$(for package; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            echo "$package"
    done)
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { echo "missing, and no root to install them: "$missing; return 1; }
        as_root=sudo
    fi
    echo "installing" $missing
    # No service of a package is to start: openssh-server is for comparisons only.
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
        $as_root chmod +x $policy
        trap "$as_root rm -f $policy" RETURN
    fi
    $as_root apt-get update -q >/dev/null
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        $missing >/dev/null
}
