"""What a guardian's page says, in the languages it speaks. To add one: a column here."""

from collections.abc import Mapping

import msgspec

from haechi.domain.alerting import Status


class Words(msgspec.Struct, frozen=True):
    """One language; braces are filled in."""

    code: str
    kinds: Mapping[str, str]
    over: Mapping[str, str]  # by kind, what is said of it when it is over; "" of all others
    before: str  # what it was that is over
    moot: str  # when nobody asks any more whether it is over
    marks: Mapping[Status, str]  # before what a text says, so that nobody takes a drill for the real thing
    drill: str
    test: str
    since: str
    place: str
    place_then: str
    ago: str
    accuracy: str
    battery: str
    empty: str
    fix_age: str
    other_heard: str
    was_inside: str
    battery_gone: str
    days_left: str
    no_place: str
    no_consent: str
    stale: str
    open_map: str
    map_url: str
    on_it: str
    you_are_on_it: str
    other_is_on_it: str
    nobody: str
    closed: str
    cleared: str
    false_alarm: str
    stated: str
    explained: str
    got_it: str
    you_got_it: str
    real: str
    real_said: str
    try_button: str
    try_explained: str
    no_try: str
    trying: str
    tried: str
    not_tried: str
    places: str
    place_days: str
    place_hours: str
    place_name: str
    place_yes: str
    place_no: str
    no_places: str
    call: str
    looked: str
    older: str
    yourself: str
    roles: Mapping[str, str]
    whys: Mapping[str, str]
    expired: str
    away: str
    seconds: str
    minutes: str
    hours: str
    days: str


KOREAN = Words(
    code="ko",
    kinds={
        "sos": "SOS 버튼이 눌렸습니다",
        "man-down": "쓰러짐이 감지되었습니다",
        "strap-cut": "기기 끈이 끊어졌습니다",
        "tamper": "기기가 훼손되었습니다",
        "zone-exit": "안심구역을 벗어났습니다",
        "zone-entry": "위험구역에 들어갔습니다",
        "not-arrived": "제시간에 도착하지 않았습니다",
        "arrived": "도착했습니다",
        "left": "출발했습니다",
        "night-walk": "밤에 평소와 다른 길을 걷고 있습니다",
        "usual-place": "자주 머무는 곳을 찾았습니다",
        "silent": "기기의 연락이 끊겼습니다",
        "battery-low": "기기의 배터리가 부족합니다",
        "consent-ends": "위치정보 이용 동의가 곧 끝납니다",
        "phone-test": "연락이 닿는지 확인합니다",
    },
    over={
        "zone-exit": "다시 안으로 돌아왔습니다",
        "zone-entry": "다시 밖으로 나왔습니다",
        "not-arrived": "이제 도착했습니다",
        "silent": "다시 연락이 됩니다",
        "": "해소된 것으로 보입니다",
    },
    before="앞서: {what}",
    moot="더 이상 확인하지 않습니다 (시간이 끝났거나 설정이 바뀜)",
    marks={"Actual": "", "Exercise": "[훈련] ", "Test": "[시험] "},
    drill="훈련입니다. 실제 상황이 아닙니다.",
    test="시험입니다. 실제 상황이 아니며 경찰과 소방에 알리지 않았습니다.",
    since="{clock} · {age} 전",
    place="마지막 위치",
    place_then="알림 당시 위치",
    ago="{age} 전",
    accuracy="오차 약 {metres} m",
    battery="배터리 {percent} %",
    empty="{clock}쯤 꺼질 것으로 예상",
    fix_age="{age} 전 위치",
    other_heard="다른 기기는 아직 연락됩니다",
    was_inside="마지막으로 안심구역 안에 있었습니다",
    battery_gone="배터리가 거의 없었습니다",
    days_left="{days}일 남음({date}까지)",
    no_place="위치를 알 수 없습니다",
    no_consent="위치정보 이용 동의가 없어 종료된 경보의 위치는 보여 드리지 않습니다.",
    stale="위치는 {age} 전의 것입니다",
    open_map="지도에서 열기",
    map_url="https://map.kakao.com/link/map/{lat},{lon}",
    on_it="제가 확인하고 있습니다",
    you_are_on_it="{clock}부터 확인 중이십니다",
    other_is_on_it="{name}님이 {clock}부터 확인 중입니다",
    nobody="아직 아무도 확인하지 않았습니다",
    closed="{clock}에 종료되었습니다",
    cleared="{clock}에 상황이 해소된 것으로 보입니다",
    false_alarm="오작동입니다",
    stated="오작동이라고 알려 주셨습니다. 담당자가 확인합니다.",
    explained="오작동을 알려도 경보는 종료되지 않으며, 담당자가 판단합니다.",
    got_it="받았습니다",
    you_got_it="{clock}에 확인하셨습니다. 고맙습니다.",
    real="시험이 아닙니다. 실제 상황입니다",
    real_said="실제 상황으로 신고했습니다.",
    try_button="버튼 시험하기",
    try_explained="시작하면 10분 동안 첫 번째 누름만 시험이 됩니다. 그 다음 누름은 실제 신고입니다.",
    no_try="지금은 버튼을 시험할 수 없습니다. 아직 끝나지 않은 알림이 있거나 오늘 이미 여러 번 시험했습니다. 지금 누르면 실제 신고가 됩니다.",
    trying="{clock}까지 기기의 버튼을 한 번만 누르세요. 두 번째 누름은 실제 신고입니다.",
    tried="버튼 시험 성공: {clock}",
    not_tried="{clock}까지 버튼이 눌리지 않았습니다. 기기를 확인하고 다시 시험하세요.",
    places="안심구역으로 삼을까요? 보호자님이 정하기 전에는 아무것도 바뀌지 않습니다.",
    place_days="최근 {days}일 동안 머묾",
    place_hours="주로 {hours}시",
    place_name="자주 가는 곳 {n}",
    place_yes="네, 안심구역으로 삼겠습니다",
    place_no="아니요",
    no_places="정할 곳이 남아 있지 않습니다.",
    call="위급하면 112 또는 119에 전화하세요.",
    looked="위치를 확인한 사람",
    older="이전 기록",
    yourself="보호자님 본인",
    roles={
        "operator": "관제요원",
        "dispatcher": "출동 담당자",
        "supervisor": "감독자",
        "administrator": "관리자",
        "auditor": "감사 담당자",
        "guardian": "보호자",
        "police": "경찰",
        "fire": "소방",
        "administrator of the machine": "시스템 관리자",
    },
    whys={
        "an open incident": "진행 중인 상황",
        "opened it": "상황을 열어 봄",
        "a list of incidents": "상황 목록",
        "a message's link": "알림의 링크",
        "sent with an alarm": "긴급 알림에 위치를 함께 보냄",
        "asked why": "알림의 이유를 확인함",
        "haechi explain": "알림의 이유를 확인함",
        "acknowledged": "상황을 맡음",
        "noted": "상황에 메모를 남김",
        "changed owner": "상황의 담당자를 바꿈",
        "closed": "상황을 종료함",
    },
    expired="이 링크는 더 이상 사용할 수 없습니다. 위급하면 112 또는 119에 전화하세요.",
    away="지금은 확인할 수 없습니다. 잠시 후 다시 시도하세요. 위급하면 112 또는 119에 전화하세요.",
    seconds="{n}초",
    minutes="{n}분",
    hours="{n}시간",
    days="{n}일",
)
ENGLISH = Words(
    code="en",
    kinds={
        "sos": "SOS pressed",
        "man-down": "A fall was detected",
        "strap-cut": "The device's strap was cut",
        "tamper": "The device was tampered with",
        "zone-exit": "Left the safe zone",
        "zone-entry": "Entered a forbidden zone",
        "not-arrived": "Has not arrived in time",
        "arrived": "Has arrived",
        "left": "Has left",
        "night-walk": "Walks an unusual way at night",
        "usual-place": "Usual places were found",
        "silent": "The device has fallen silent",
        "battery-low": "The device's battery is low",
        "consent-ends": "The consent to use the place ends soon",
        "phone-test": "Does this message reach you?",
    },
    over={
        "zone-exit": "is back inside",
        "zone-entry": "is outside again",
        "not-arrived": "is there now",
        "silent": "is heard again",
        "": "seems to be over",
    },
    before="before: {what}",
    moot="no longer watched (its hours ended, or it was changed)",
    marks={"Actual": "", "Exercise": "[EXERCISE] ", "Test": "[TEST] "},
    drill="This is a drill. It is not real.",
    test="This is a TEST. It is not real; neither police nor fire were told.",
    since="{clock} · {age} ago",
    place="Last known place",
    place_then="Place when it began",
    ago="{age} ago",
    accuracy="accurate to about {metres} m",
    battery="battery {percent} %",
    empty="empty at about {clock}",
    fix_age="place {age} old",
    other_heard="another device of theirs is still heard",
    was_inside="in a safe zone when last heard",
    battery_gone="the battery was all but empty",
    days_left="days left: {days}, until {date}",
    no_place="The place is not known",
    no_consent="No consent covers the place any more: of what is over it is not shown.",
    stale="This place is {age} old",
    open_map="Open in a map",
    map_url="https://www.openstreetmap.org/?mlat={lat}&mlon={lon}#map=18/{lat}/{lon}",
    on_it="I am on it",
    you_are_on_it="You are on it since {clock}",
    other_is_on_it="{name} is on it since {clock}",
    nobody="Nobody is on it yet",
    closed="Closed at {clock}",
    cleared="It seems to be over since {clock}",
    false_alarm="It is a false alarm",
    stated="You said that it is a false alarm. An operator looks into it.",
    explained="Saying so does not end the alarm: an operator decides.",
    got_it="It reached me",
    you_got_it="You answered at {clock}. Thank you.",
    real="This is no test: it is real",
    real_said="The alarm was raised: it is treated as real.",
    try_button="Test the button",
    try_explained="For 10 minutes the first press is a test. Any further press is real.",
    no_try="The button can't be tested now: something is still open, or it was tested often today. A press now is real.",
    trying="Press the device's button once, by {clock}. A second press is real.",
    tried="The button was tested at {clock}: it works",
    not_tried="No press came by {clock}. Look at the device, then test it again.",
    places="Shall they be safe zones? Nothing changes before you say so.",
    place_days="was here on {days} days",
    place_hours="mostly at {hours} o'clock",
    place_name="Usual place {n}",
    place_yes="Yes, this is a safe place",
    place_no="No",
    no_places="Nothing is left to be decided.",
    call="In danger, call 112 (police) or 119 (fire, ambulance).",
    looked="Who looked at this place",
    older="Older ones",
    yourself="yourself",
    roles={
        "operator": "an operator",
        "dispatcher": "a dispatcher",
        "supervisor": "a supervisor",
        "administrator": "an administrator",
        "auditor": "an auditor",
        "guardian": "a guardian",
        "police": "the police",
        "fire": "the fire service",
        "administrator of the machine": "the administrator of the machine",
    },
    whys={
        "an open incident": "an open incident",
        "opened it": "opened the incident",
        "a list of incidents": "a list of incidents",
        "a message's link": "the link of a message",
        "sent with an alarm": "sent with an alarm",
        "asked why": "asked why it was alerted",
        "haechi explain": "asked why it was alerted",
        "acknowledged": "took the incident",
        "noted": "wrote a note",
        "changed owner": "changed who has the incident",
        "closed": "closed the incident",
    },
    expired="This link can no longer be used. In danger, call 112 (police) or 119 (fire, ambulance).",
    away="This can't be shown right now. Try again in a moment. In danger, call 112 or 119.",
    seconds="{n} s",
    minutes="{n} min",
    hours="{n} h",
    days="{n} days",
)


LANGUAGES = (KOREAN, ENGLISH)


def words_of(language: str) -> Words:
    """Korean for Korean, English for everybody else."""
    return KOREAN if language.lower().startswith("ko") else ENGLISH


def age_in_words(words: Words, seconds: float) -> str:
    """A length of time, rounded down to its largest unit."""
    whole = max(int(seconds), 0)
    if whole < 90:
        return words.seconds.format(n=whole)
    if whole < 5400:
        return words.minutes.format(n=whole // 60)
    if whole < 2 * 86_400:
        return words.hours.format(n=whole // 3600)
    return words.days.format(n=whole // 86_400)
