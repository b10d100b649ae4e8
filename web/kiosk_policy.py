"""The policy by which a site's Chromium joins without a press: ``diemcau kiosk-policy``.

A managed policy gives one origin what people otherwise allow by a press: camera, microphone, and sound
before the page was touched. Debian's Chromium reads all files of :data:`FOLDER`. The names are those of
Chromium's policy list.
"""

from __future__ import annotations

import json
import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import SplitResult, urlsplit

import typer

from web.cli_common import fail

FOLDER: Final = "/etc/chromium/policies/managed"
"""Where Debian's Chromium looks; Google Chrome: ``/etc/opt/chrome/policies/managed``."""
PAGE: Final = "/kiosk"
USER: Final = "diemcau-kiosk"
"""The account in which a site's browser runs."""

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS: Final = {"https": 443, "http": 80}


class OriginError(ValueError):
    """What was given is no origin to which a browser gives a camera."""


def read_origin(text: str) -> str:
    """The origin of an address as browsers write it: scheme, host in ASCII, port unless it is the usual one.

    Raises OriginError: not ``https`` (``http`` only on this machine), a path, a name that is none.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise OriginError("this is not an address") from None
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise OriginError("give the scheme, the host and the port alone, such as https://hop.example.vn")
    host = _host(parts)
    local = parts.scheme == "http" and host.strip("[]") in _LOCAL
    if parts.scheme != "https" and not local:
        raise OriginError("browsers give a camera to https:// only, and to http://localhost")
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, _PORTS[parts.scheme]) else "")


def _host(parts: SplitResult) -> str:
    name = parts.hostname or ""
    if ":" in name:
        return f"[{name}]"
    try:
        ascii_name = name.encode("idna").decode("ascii")
    except UnicodeError:
        raise OriginError("the host is not a name") from None
    # A pattern such as [*.]example.vn would give the camera to other sites too.
    if not ascii_name or not all(letter.isalnum() or letter in ".-" for letter in ascii_name):
        raise OriginError("the host is not a name")
    return ascii_name


def policy(origin: str) -> dict[str, Any]:
    """The policy for one origin of :func:`read_origin`."""
    only = [origin]
    return {
        # Without a question: camera, microphone, sound. For nobody else.
        "VideoCaptureAllowedUrls": only,
        "AudioCaptureAllowedUrls": only,
        "VideoCaptureAllowed": False,
        "AudioCaptureAllowed": False,
        "AutoplayAllowlist": only,
        # Sharing a screen still asks which one.
        "ScreenCaptureAllowed": False,
        "ScreenCaptureAllowedByOrigins": only,
        # The page must go on while nobody touches it for hours.
        "TabDiscardingExceptions": only,
        "IntensiveWakeUpThrottlingEnabled": False,
        # Where the browser starts, also after a crash, and where it may go.
        "RestoreOnStartup": 4,
        "RestoreOnStartupURLs": [origin + PAGE],
        "HomepageLocation": origin + PAGE,
        "HomepageIsNewTabPage": False,
        "URLBlocklist": ["*"],
        "URLAllowlist": [origin, "chrome://policy", "chrome://version"],
        # A machine set up in English still shows its room a Vietnamese page.
        "ForcedLanguages": ["vi", "en"],
        # Nothing that asks something or lies over the picture.
        "BrowserSignin": 0,
        "SyncDisabled": True,
        "BrowserGuestModeEnabled": False,
        "BrowserAddPersonEnabled": False,
        "DefaultBrowserSettingEnabled": False,
        "MetricsReportingEnabled": False,
        "PromotionsEnabled": False,
        "PasswordManagerEnabled": False,
        "AutofillAddressEnabled": False,
        "AutofillCreditCardEnabled": False,
        "TranslateEnabled": False,
        "SearchSuggestEnabled": False,
        "BackgroundModeEnabled": False,
        "BookmarkBarEnabled": False,
        "DefaultNotificationsSetting": 2,
        "DefaultGeolocationSetting": 2,
        "DefaultPopupsSetting": 2,
    }


PROGRAM: Final = "/usr/bin/chromium"
PROFILE: Final = "/var/lib/diemcau-kiosk/chromium"
"""Where the browser keeps the device's session; what is lost with it is the sign-in."""


def command(origin: str, profile: Path | str = PROFILE) -> list[str]:
    """How the browser of a site is started. Everything that asks or allows is the policy's, not a flag's."""
    return [
        PROGRAM,
        "--kiosk",
        "--no-first-run",
        # A machine that lost its power starts into the page, not into a question about it.
        "--noerrdialogs",
        "--hide-crash-restore-bubble",
        # Without a desktop nobody opens the keyring that would guard the cookies.
        "--password-store=basic",
        "--disable-pinch",
        "--overscroll-history-navigation=0",
        f"--user-data-dir={profile}",
        origin + PAGE,
    ]


def unit(origin: str) -> str:
    """A systemd unit that starts the browser with the machine and again whenever it ends.

    ``cage`` shows one program on a screen without a desktop.
    """
    started = " ".join(["/usr/bin/cage -s --", *command(origin)])
    return f"""\
[Unit]
Description=Diem Cau, page of a site
Wants=network-online.target dbus.socket systemd-logind.service
After=network-online.target dbus.socket systemd-logind.service systemd-user-sessions.service sound.target
Conflicts=getty@tty1.service
After=getty@tty1.service
# It is started again for ever, however often it ended.
StartLimitIntervalSec=0

[Service]
ExecStart={started}
Restart=always
RestartSec=2
User={USER}
PAMName=login
UtmpIdentifier=tty1
UtmpMode=user
TTYPath=/dev/tty1
TTYReset=yes
TTYVHangup=yes
StandardInput=tty-fail

[Install]
WantedBy=multi-user.target
"""


def text(origin: str) -> str:
    """The file's content."""
    return json.dumps(policy(origin), indent=2, ensure_ascii=False) + "\n"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("kiosk-policy")(kiosk_policy)


class Part(StrEnum):
    """What the command writes."""

    POLICY = "policy"
    COMMAND = "command"
    UNIT = "unit"


def kiosk_policy(
    origin: Annotated[str, typer.Option(help="Address of the service, such as https://hop.example.vn.")],
    show: Annotated[
        Part, typer.Option(help="The policy file, the browser's command, or a systemd unit.")
    ] = Part.POLICY,
    output: Annotated[
        Path | None, typer.Option(help=f"File to write, such as {FOLDER}/diemcau.json; else standard output.")
    ] = None,
) -> None:
    """Write the policy with which a site's Chromium joins by itself, or how to start that browser."""
    try:
        place = read_origin(origin)
    except OriginError as error:
        fail(f"--origin: {error}")
    match show:
        case Part.POLICY:
            written = text(place)
        case Part.COMMAND:
            written = shlex.join(command(place)) + "\n"
        case Part.UNIT:
            written = unit(place)
    if output is None:
        typer.echo(written, nl=False)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(written, "utf-8")
        # The browser runs as somebody else than who installs it.
        output.chmod(0o644)
    except OSError as error:
        fail(f"{output}: {error.strerror}", 1)
