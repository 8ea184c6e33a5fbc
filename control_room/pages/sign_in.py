"""The sign-in page: plain HTML, no script, before anything else is sent to anyone."""

from html import escape

from control_room.words import word

_PAGE = """<!DOCTYPE html>
<html lang="en" data-theme="dark">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="/assets/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/wall.css">
<link rel="stylesheet" href="/assets/sign-in.css">
</head>
<body>
<main>
<form method="post" action="/sign-in">
<div class="mark">
<svg viewBox="0 0 48 48" fill="none" stroke="currentColor" stroke-width="3" stroke-linejoin="round" stroke-linecap="round" aria-hidden="true"><path d="M24 4 42 12v12c0 10-7.5 17-18 20C13.500 41 6 34 6 24V12z"/><path d="M15 21c2-3 6-3 8 0M25 21c2-3 6-3 8 0M24 24v6M17 34c4 3 10 3 14 0M24 4v8"/></svg>
<h1>{product}<small>{subtitle}</small></h1>
</div>
{wrong}
<label>{name}<input name="name" autocomplete="username" value="{name_value}" required autofocus></label>
<label>{password}<input name="password" type="password" autocomplete="current-password" required></label>
<input type="hidden" name="next" value="{next}">
<button class="primary" type="submit">{go}</button>
<p class="note">{note}</p>
</form>
</main>
</body>
</html>
"""


def sign_in_page(*, wrong: str | None = None, name: str = "", next_path: str = "/") -> str:
    """The page; `wrong` says in words why the last attempt failed, `next_path` where to go afterwards."""
    said = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    return _PAGE.format(
        title=escape(f"{word('sign-in.go')} · {word('product')}"),
        product=escape(word("product")),
        subtitle=escape(word("sign-in.title")),
        wrong=said,
        name=escape(word("sign-in.name")),
        name_value=escape(name),
        password=escape(word("sign-in.password")),
        next=escape(next_path),
        go=escape(word("sign-in.go")),
        note=escape(word("sign-in.note")),
    )
