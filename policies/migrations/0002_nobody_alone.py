"""Changes that need a second person; attempts to ask for access have a rate of their own."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from policies.database import version_triggers


class Migration(migrations.Migration):

    dependencies = [
        ('policies', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(version_triggers.lift, migrations.RunPython.noop),
        migrations.AddField(
            model_name='opening',
            name='kind',
            field=models.CharField(choices=[('session', 'Session'), ('request', 'Request for access')], default='session', max_length=10),
        ),
        migrations.AlterField(
            model_name='notice',
            name='grant',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='policies.grant'),
        ),
        migrations.CreateModel(
            name='ChangeRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('requested', 'Requested'), ('applied', 'Applied'), ('denied', 'Denied'), ('withdrawn', 'Withdrawn'), ('lapsed', 'Lapsed')], default='requested', max_length=10)),
                ('act', models.CharField(choices=[('add', 'Add'), ('change', 'Change'), ('delete', 'Delete')], max_length=10)),
                ('kind', models.CharField(help_text='app.model', max_length=60)),
                ('object_pk', models.CharField(blank=True, help_text='Empty for a new row.', max_length=40)),
                ('summary', models.CharField(max_length=300)),
                ('columns', models.JSONField(blank=True, default=dict)),
                ('related', models.JSONField(blank=True, default=dict)),
                ('shown', models.JSONField(blank=True, default=dict, help_text='What people read about it.')),
                ('before', models.CharField(blank=True, max_length=64)),
                ('subjects', models.JSONField(blank=True, default=list)),
                ('tenant_key', models.CharField(blank=True, max_length=64)),
                ('extension_key', models.CharField(blank=True, max_length=64)),
                ('reason', models.TextField()),
                ('requested_at', models.DateTimeField()),
                ('lapses_at', models.DateTimeField()),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('comment', models.TextField(blank=True)),
                ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='changes_decided', to=settings.AUTH_USER_MODEL)),
                ('requester', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='changes_requested', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-id',),
                'indexes': [models.Index(fields=['state', 'lapses_at'], name='policies_ch_state_10e50c_idx')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['requested', 'applied', 'denied', 'withdrawn', 'lapsed'])), name='policies_change_known_state'), models.CheckConstraint(condition=models.Q(('act__in', ['add', 'change', 'delete'])), name='policies_change_known_act'), models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='policies_change_has_a_reason'), models.CheckConstraint(condition=models.Q(models.Q(('decided_by__isnull', False), ('state__in', ['applied', 'denied']), models.Q(('decided_by', models.F('requester')), _negated=True)), models.Q(('decided_by__isnull', True), ('state__in', ['requested', 'withdrawn', 'lapsed'])), _connector='OR'), name='policies_change_by_a_second_person'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('state', 'requested')), models.Q(models.Q(('state', 'requested'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='policies_change_decided_when_over')],
            },
        ),
    ]
