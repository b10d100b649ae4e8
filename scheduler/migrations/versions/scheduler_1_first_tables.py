"""The first tables: meetings, invitations, slots, actions, attendance, the floor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from directory.migrations.operations import append_only

revision = "scheduler_1"
down_revision = None
branch_labels = ("scheduler",)
depends_on = "directory_1"


def upgrade() -> None:
    op.create_table(
        "meeting",
        sa.Column("id", sa.String(length=12), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("chair_id", sa.Integer(), nullable=False),
        sa.Column("secretary_id", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("agenda", sa.Text(), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_meeting_length")),
        sa.ForeignKeyConstraint(["chair_id"], ["person.id"], name=op.f("fk_meeting_chair_id")),
        sa.ForeignKeyConstraint(["secretary_id"], ["person.id"], name=op.f("fk_meeting_secretary_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting")),
        sa.UniqueConstraint("room", name=op.f("uq_meeting_room")),
    )
    with op.batch_alter_table("meeting", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_meeting_starts_at"), ["starts_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_meeting_state_starts_at"), ["state", "starts_at"], unique=False)

    op.create_table(
        "attendance_fact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.String(length=12), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("identity", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("sid", sa.String(length=64), nullable=False),
        sa.Column("room_sid", sa.String(length=64), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("count", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_attendance_fact_meeting_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_fact")),
        sa.UniqueConstraint("meeting_id", "key", name=op.f("uq_attendance_fact_meeting_id_key")),
    )
    with op.batch_alter_table("attendance_fact", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_attendance_fact_meeting_id_at"), ["meeting_id", "at"], unique=False
        )

    op.create_table(
        "floor_event",
        sa.Column("meeting_id", sa.String(length=12), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("event", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_floor_event_meeting_id")),
        sa.PrimaryKeyConstraint("meeting_id", "sequence", name=op.f("pk_floor_event")),
    )
    op.create_table(
        "floor_state",
        sa.Column("meeting_id", sa.String(length=12), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_floor_state_meeting_id")),
        sa.PrimaryKeyConstraint("meeting_id", name=op.f("pk_floor_state")),
    )
    op.create_table(
        "meeting_action",
        sa.Column("meeting_id", sa.String(length=12), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_meeting_action_meeting_id")),
        sa.PrimaryKeyConstraint("meeting_id", "action", name=op.f("pk_meeting_action")),
    )
    op.create_table(
        "slot",
        sa.Column("meeting_id", sa.String(length=12), nullable=False),
        sa.Column("resource", sa.String(length=32), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_slot_length")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_slot_meeting_id")),
        sa.PrimaryKeyConstraint("meeting_id", "resource", name=op.f("pk_slot")),
    )
    with op.batch_alter_table("slot", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_slot_resource_starts_at"), ["resource", "starts_at"], unique=False
        )

    op.create_table(
        "invitation",
        sa.Column("meeting_id", sa.String(length=12), nullable=False),
        sa.Column("endpoint_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoint.id"], name=op.f("fk_invitation_endpoint_id")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_invitation_meeting_id")),
        sa.PrimaryKeyConstraint("meeting_id", "endpoint_id", name=op.f("pk_invitation")),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invitation_endpoint_id"), ["endpoint_id"], unique=False)

    append_only("attendance_fact")
    append_only("floor_event")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
        op.execute(
            "ALTER TABLE slot ADD CONSTRAINT ex_slot_overlap "
            "EXCLUDE USING gist (resource WITH =, tstzrange(starts_at, ends_at) WITH &&)"
        )
