from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('extdebug', '0002_session_uncounted_losses'),
    ]

    operations = [
        # First without a default: of sessions that there are already nobody knows it.
        migrations.AddField(
            model_name='debugsession',
            name='reach',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='debugsession',
            name='reach',
            field=models.JSONField(blank=True, default=list, null=True),
        ),
        migrations.CreateModel(
            name='StreamPurge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tenant', models.CharField(max_length=64)),
                ('extension', models.CharField(max_length=64)),
                ('first', models.CharField(max_length=48)),
                ('last', models.CharField(max_length=48)),
                ('reason', models.CharField(max_length=500)),
                ('ordered_by', models.CharField(max_length=150)),
                ('ordered_at', models.DateTimeField(db_index=True)),
                ('expected', models.PositiveBigIntegerField()),
                ('removed', models.PositiveBigIntegerField(blank=True, null=True)),
                ('done_at', models.DateTimeField(blank=True, null=True)),
                ('failure', models.CharField(blank=True, max_length=300)),
            ],
            options={'ordering': ('-pk',)},
        ),
    ]
