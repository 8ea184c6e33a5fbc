"""The guardian's page: plain HTML for a shaking thumb on an old phone. No script, no picture from elsewhere."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

import msgspec

from alerts.minimap import MapSheet
from alerts.telling import told
from alerts.words import Words, age_in_words
from haechi.domain.alerting import Severity
from haechi.domain.habits import UsualPlace
from haechi.domain.incidents import Incident, is_notice, told_where
from haechi.domain.signatures import in_words
from haechi.store.audit import AuditEntry
from haechi.store.drills import ButtonTest

STALE_S = 120
# What guardians say by a button, as it stands in the trail.
FALSE_ALARM = "Says that it is a false alarm; a person decides"
ALSO_ON_IT = "Is on it, too"
WAS_REAL = "Says that it was no test, but real"
REFRESH_S = 20
NAME_CHARS = 100

_STYLE = """
*{box-sizing:border-box}body{margin:0;font:18px/1.45 system-ui,sans-serif;color:#1a1a1a;background:#fff;
min-height:100vh;min-height:100dvh;display:flex;flex-direction:column}
header{padding:18px 20px;color:#fff;background:#b3141a}header.calm{background:#24508a}
h1{margin:0;font-size:26px;line-height:1.25}header p{margin:4px 0 0}.drill{margin:0;background:#5b3a8c;color:#fff;padding:10px 20px;
font-weight:700}main{padding:14px 20px;flex:1}main p{margin:6px 0}svg{display:block;width:100%;height:auto;
border-radius:10px}.stale{color:#8a4b00;font-weight:700}.who,.where{font-weight:700}.where{font-size:20px}small{color:#555;font-size:15px}
a{color:#1d4f91}details{margin:14px 0}summary{padding:10px 0}ul{margin:0;padding-left:20px;font-size:15px}.acts{position:sticky;bottom:0;background:#fff;padding:12px 20px 22px;border-top:1px solid #ddd}
button{width:100%;min-height:60px;margin-top:10px;border:2px solid #1d4f91;border-radius:14px;font:inherit;
font-weight:700;background:#fff;color:#1d4f91}button.main{background:#176b3a;border-color:#176b3a;color:#fff;
font-size:21px;min-height:68px}input{width:100%;min-height:48px;font:inherit;padding:0 12px}section{margin:0 0 26px}
"""


class Looks(msgspec.Struct, frozen=True):
    """Some of the looks at the person's place, newest first; `older`: there are more, beyond the one of that id."""

    entries: tuple[AuditEntry, ...] = ()
    older: int | None = None


class View(msgspec.Struct, frozen=True):
    """What one guardian sees of one incident."""

    incident: Incident
    token: str
    guardian: str  # as it signs the trail
    said: frozenset[str]  # what this guardian has said in the trail
    now: datetime
    looks: Looks = Looks()
    test: ButtonTest | None = None
    names: Mapping[str, str] = {}  # the guardians', by signature
    person: str = ""
    covered: bool = True  # whether the place may be shown
    places: tuple[UsualPlace, ...] | None = None  # that wait for a yes or a no; None: the page is not about places


def incident_page(view: View, words: Words, sheet: MapSheet, zone: ZoneInfo) -> str:
    """The page, below 100 kB."""
    incident = view.incident
    say = told(incident, words, view.now, zone, view.person)
    what = say.what
    about = " · ".join(part for part in (say.who, say.zone, say.then) if part)
    known = " · ".join(part for part in (say.calm, say.battery, say.consent) if part)
    age = age_in_words(words, (view.now - incident.starts_at).total_seconds())
    since = words.since.format(clock=_clock(incident.starts_at, zone), age=age)
    over = incident.ends_at is not None and not incident.moot
    calm = " class=calm" if over or not incident.open or incident.severity > Severity.LIFE_SAFETY else ""
    banner = {"Actual": "", "Exercise": words.drill, "Test": words.test}[incident.status]
    drill = f"<p class=drill>{escape(banner)}</p>" if banner else ""
    return _page(
        words,
        what,
        f"{drill}<header{calm}><h1>{escape(what)}</h1>{_line(about)}"
        f"<p>{escape(since)} · #{incident.number}</p></header>"
        f"<main>{_line(_who(view, words, zone))}{_line(known)}{_place(view, words, sheet)}{_offers(view, words, sheet)}"
        f"{_button_test(view, words, zone)}<p><small>{escape(words.call)}</small></p>{_looked(view, words, zone)}</main>"
        f"{_acts(view, words)}",
        refresh=incident.open or (view.test is not None and not view.test.over),
    )


def _line(text: str) -> str:
    return f"<p class=who>{escape(text)}</p>" if text else ""


def plain_page(words: Words, message: str) -> str:
    """A page that says one thing."""
    return _page(words, "Haechi", f"<main><p class=who>{escape(message)}</p></main>", refresh=False)


def _page(words: Words, title: str, body: str, *, refresh: bool) -> str:
    again = f'<meta http-equiv="refresh" content="{REFRESH_S}">' if refresh else ""
    return (
        f'<!doctype html><html lang="{words.code}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">{again}'
        f'<meta name="robots" content="noindex"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f"<body>{body}</body></html>"
    )


def _who(view: View, words: Words, zone: ZoneInfo) -> str:
    incident = view.incident
    if is_notice(incident):
        return ""
    if incident.closed_at is not None:
        return words.closed.format(clock=_clock(incident.closed_at, zone))
    if incident.acknowledged_at is not None:
        clock = _clock(incident.acknowledged_at, zone)
        if incident.status == "Test" and incident.acknowledged_by == view.guardian:
            return words.you_got_it.format(clock=clock)
        if incident.acknowledged_by == view.guardian:
            return words.you_are_on_it.format(clock=clock)
        name = in_words(incident.acknowledged_by or "", view.names)
        return words.other_is_on_it.format(name=name, clock=clock)
    if incident.ends_at is not None and not incident.moot:
        return words.cleared.format(clock=_clock(incident.ends_at, zone))
    return words.nobody


def _place(view: View, words: Words, sheet: MapSheet) -> str:
    incident = view.incident
    point = incident.point
    if not told_where(incident):
        return ""
    if point is None:
        why = words.no_place if view.covered else words.no_consent
        return f"<p class=stale>{escape(why)}</p>" if incident.status == "Actual" else ""
    age_s = (view.now - incident.seen_at).total_seconds()
    age = age_in_words(words, age_s)
    over = incident.ends_at is not None  # then the place is where it began, and nobody takes it for where they are
    stale = f"<p class=stale>{escape(words.stale.format(age=age))}</p>" if age_s > STALE_S and not over else ""
    place = incident.scene.place if incident.scene else None
    then = f"<p class=who>{escape(words.place_then)}</p>" if over else ""
    said = [*(() if over else (words.place,)), words.ago.format(age=age)]
    if incident.accuracy_m:
        said.append(words.accuracy.format(metres=round(incident.accuracy_m)))
    told = "battery" in dict(incident.because.values)  # then it stands above already
    if incident.scene and incident.scene.battery is not None and not told:
        said.append(words.battery.format(percent=round(incident.scene.battery)))
    named = f"<p class=where>{escape(place.in_language(words.code))}</p>" if place else ""
    where = words.map_url.format(lat=f"{point.lat:.6f}", lon=f"{point.lon:.6f}")
    return (
        f"{stale}{then}{named}{sheet.draw(point, incident.accuracy_m, words.code)}<p>{escape(' · '.join(said))}<br>"
        f'{point.lat:.5f}, {point.lon:.5f} · <a href="{escape(where)}" rel="noreferrer noopener">'
        f"{escape(words.open_map)}</a></p>"
    )


def _offers(view: View, words: Words, sheet: MapSheet) -> str:
    """The places that wait: each with its map, a yes that gives it a name, and a no."""
    if view.places is None:
        return ""
    if not view.places:
        return f"<p>{escape(words.no_places)}</p>"
    offers = [f"<p>{escape(words.places)}</p>"]
    for place in view.places:
        said = [words.place_days.format(days=place.days)]
        if place.hours:
            said.append(words.place_hours.format(hours=hours_in_words(place.hours)))
        act = f"{escape(view.token)}/places/{place.n}"
        name = escape(words.place_name.format(n=place.n))
        offers.append(
            f"<section>{sheet.draw(place.point, place.radius_m, words.code)}<p>{escape(' · '.join(said))}</p>"
            f'<form method=post action="{act}/accept"><input name=name required maxlength={NAME_CHARS} value="{name}" '
            f'aria-label="{name}"><button class=main>{escape(words.place_yes)}</button></form>'
            f'<form method=post action="{act}/decline"><button>{escape(words.place_no)}</button></form></section>'
        )
    return "".join(offers)


def hours_in_words(hours: Sequence[int]) -> str:
    """Hours of the day as ranges: "9–11, 15"."""
    ranges: list[list[int]] = []
    for hour in hours:
        if ranges and hour == ranges[-1][-1] + 1:
            ranges[-1].append(hour)
        else:
            ranges.append([hour])
    return ", ".join(f"{one[0]}–{one[-1]}" if len(one) > 1 else str(one[0]) for one in ranges)


def _acts(view: View, words: Words) -> str:
    incident = view.incident
    mine = incident.acknowledged_by == view.guardian or ALSO_ON_IT in view.said
    acts = []
    if incident.status == "Test":
        if incident.open and not mine:
            acts.append(_button(view, "on-it", words.got_it, main=True))
        if incident.kind == "sos":
            real = f"<p>{escape(words.real_said)}</p>" if WAS_REAL in view.said else _button(view, "real", words.real)
            acts.append(real)
    elif incident.open:
        if incident.acknowledged_by != view.guardian:
            acts.append(_button(view, "on-it", words.on_it, main=True))
        if FALSE_ALARM in view.said:
            acts.append(f"<p>{escape(words.stated)}</p>")
        else:
            acts.append(f"{_button(view, 'statement', words.false_alarm)}<small>{escape(words.explained)}</small>")
    if may_test(incident) and (view.test is None or view.test.over or view.test.received_at):
        acts.append(f"{_button(view, 'test', words.try_button)}<small>{escape(words.try_explained)}</small>")
    return f"<div class=acts>{''.join(acts)}</div>" if acts else ""


def may_test(incident: Incident) -> bool:
    """Whether the page offers to test the button: never beside something real, and not where people have other questions."""
    return incident.status == "Test" or not (incident.open or is_notice(incident))


def _button_test(view: View, words: Words, zone: ZoneInfo) -> str:
    test = view.test
    if test is None or not may_test(view.incident):
        return ""
    if test.received_at is not None:
        said = words.tried.format(clock=_clock(test.received_at, zone))
    elif test.real_open and not test.over:
        said = words.no_try
    else:
        said = (words.not_tried if test.over else words.trying).format(clock=_clock(test.ends_at, zone))
    return f"<p class=who>{escape(said)}</p>"


def _button(view: View, act: str, words: str, *, main: bool = False) -> str:
    kind = " class=main" if main else ""
    return f'<form method=post action="{escape(view.token)}/{act}"><button{kind}>{escape(words)}</button></form>'


def looks_page(looks: Looks, guardian: str, words: Words, zone: ZoneInfo) -> str:
    """Older looks, on a page of their own below the incident's."""
    listed = _list(looks, guardian, words, zone, "looks")
    return _page(words, words.looked, f"<main><h1>{escape(words.looked)}</h1>{listed}</main>", refresh=False)


def _looked(view: View, words: Words, zone: ZoneInfo) -> str:
    if not view.looks.entries:
        return ""
    listed = _list(view.looks, view.guardian, words, zone, f"{view.token}/looks")
    return f"<details><summary>{escape(words.looked)}</summary>{listed}</details>"


def _list(looks: Looks, guardian: str, words: Words, zone: ZoneInfo, path: str) -> str:
    """Who saw the place, by role: a name of an operator is for those who watch the operators (the audit has it)."""
    lines = "".join(
        f"<li>{escape(one.at.astimezone(zone).strftime('%m-%d %H:%M'))} · {escape(_role(one, guardian, words))} · "
        f"{escape(words.whys.get(one.reason, one.reason))}</li>"
        for one in looks.entries
    )
    older = (
        "" if looks.older is None else f'<p><a href="{escape(path)}?before={looks.older}">{escape(words.older)}</a></p>'
    )
    return f"<ul>{lines}</ul>{older}"


def _role(look: AuditEntry, guardian: str, words: Words) -> str:
    if look.who == guardian:
        return words.yourself
    return ", ".join(words.roles.get(role, role) for role in look.role.split(", "))


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%H:%M")
