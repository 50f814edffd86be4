from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class AddIndexBesideWrites(AddIndexConcurrently):
    """On PostgreSQL the trail is written to while the index is made, which takes seconds for a
    million rows. One that was stopped leaves half an index, which is taken away first. SQLite
    knows no such way."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            name = schema_editor.quote_name(self.index.name)
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            super().database_forwards(app_label, schema_editor, *states)
        else:
            migrations.AddIndex.database_forwards(self, app_label, schema_editor, *states)

    def database_backwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, *states)
        else:
            migrations.AddIndex.database_backwards(self, app_label, schema_editor, *states)


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
