#!/usr/bin/env bash
# sentry-sdk 2.75.0, 2026-11-29: its logging integration replaces `Logger.callHandlers`. So
# it sees each record of a library's logger that has nothing but a `NullHandler`, in a program
# that has configured no logging. A library that saves the record because no handler would
# receive it takes breadcrumbs and events away from such users: whether a handler is attached
# does not say whether anybody reads.
#
# Prints what the integration has seen, and fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sentry-sdk==2.75.0
cat >"$folder/observe.py" <<'PY'
import logging

import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration

seen = []


def note(crumb, hint):
    seen.append(crumb["message"])
    return crumb


sentry_sdk.init(
    dsn=None,
    default_integrations=False,
    integrations=[LoggingIntegration(level=logging.INFO, event_level=None)],
    before_breadcrumb=note,
)
logger = logging.getLogger("a_library")
logger.addHandler(logging.NullHandler())
logger.warning("gave up")
print(seen, logging.Logger.callHandlers.__module__, logging.getLogger().handlers)
PY
seen=$("$folder/venv/bin/python" "$folder/observe.py")
echo "$seen   (breadcrumbs, owner of Logger.callHandlers, handlers of the root logger)"
test "$seen" = "['gave up'] sentry_sdk.integrations.logging []"
