"""What the admin's look names exists."""

from django.utils.module_loading import import_string

from config.admin_look import UNFOLD


def test_what_is_named_by_path_can_be_imported():
    paths = [UNFOLD["ENVIRONMENT"], UNFOLD["DASHBOARD_CALLBACK"], UNFOLD["SIDEBAR"]["navigation"]]
    assert all(callable(import_string(path)) for path in paths)
