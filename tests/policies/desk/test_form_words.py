"""Forms of the desk in words: no column's abbreviation, no time without its zone."""

import pytest
from django.apps import apps

from extdebug.demo.sample import Cast
from policies.desk.form_words import WORDS
from tests.policies.at_the_desk import signed_in

pytestmark = pytest.mark.django_db


def test_every_column_that_has_words_is_there() -> None:
    for model, column in WORDS:
        assert apps.get_model("policies", model)._meta.get_field(column)


@pytest.mark.parametrize(
    ("page", "said", "unsaid"),
    [
        ("limits", "Session length (seconds)", "tl seconds"),
        ("environmentpolicy", "Requests expire after (minutes)", "lapse"),
        ("lock", "Expires at (UTC)", "Expires at<"),
        ("redactionrule", "Counter example", "(UTC)"),
    ],
)
def test_a_form_speaks_in_words(cast: Cast, page: str, said: str, unsaid: str) -> None:
    text = signed_in(cast.olivia).get(f"/admin/policies/{page}/add/").text
    assert said in text
    assert unsaid not in text
