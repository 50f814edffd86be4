from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class AddIndexBesideWrites(AddIndexConcurrently):
    """On PostgreSQL the trail is written to while the index is made, which takes seconds for a
    million rows. SQLite knows no such way."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        plain = schema_editor.connection.vendor != "postgresql"
        kind = migrations.AddIndex if plain else AddIndexConcurrently
        kind.database_forwards(self, app_label, schema_editor, *states)

    def database_backwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        plain = schema_editor.connection.vendor != "postgresql"
        kind = migrations.AddIndex if plain else AddIndexConcurrently
        kind.database_backwards(self, app_label, schema_editor, *states)


class Migration(migrations.Migration):
    atomic = False  # as PostgreSQL's way needs

    dependencies = [
        ('audit', '0003_plain_names'),
    ]

    operations = [
        AddIndexBesideWrites(
            model_name='auditrecord',
            index=models.Index(fields=['extension', '-seq'], name='audit_extension'),
        ),
    ]
