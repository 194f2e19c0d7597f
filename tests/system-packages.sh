#!/bin/sh
# Bring the Debian packages of the tests of real components (WordPress, Chromium), where this may
# be done: as root, with apt. Otherwise say which tests will be left out, and go on.
set -u

packages="wordpress wordpress-l10n wordpress-theme-twentytwentyone wordpress-theme-twentytwentythree
mariadb-server php-cli php-mysql php-fpm php-mbstring php-xml php-curl php-intl php-gd nginx-light
chromium openssl"

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Not root on a Debian system: tests of real components (WordPress, Chromium) need these packages"
    echo "and are left out where they are missing:" $packages
    exit 0
fi

missing=""
for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

# Debian would start the servers on their own ports; the tests start their own.
policy=/usr/sbin/policy-rc.d
made_policy=no
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made_policy=yes
fi
status=1
for attempt in 1 2 3; do
    if apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null; then
        status=0
        break
    fi
    echo "apt-get failed (attempt $attempt)" >&2
    sleep 5
done
[ "$made_policy" = yes ] && rm -f "$policy"
exit "$status"
