"""What /metrics shows."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from voicedrop.model import Outcome


class Metrics:
    """Prometheus metrics of one engine."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.drops = Counter("voicedrop_drops", "Drops that ended, by outcome", ["outcome"], registry=self.registry)
        for outcome in Outcome:
            self.drops.labels(outcome=str(outcome))
        self.active_drops = Gauge("voicedrop_active_drops", "Drops under way", registry=self.registry)
        self.active_calls = Gauge("voicedrop_active_calls", "Agents' calls under way", registry=self.registry)
        self.taps = Gauge("voicedrop_taps", "Legs that are being listened to", registry=self.registry)
        self.untapped = Counter(
            "voicedrop_untapped_calls", "Calls that went on untapped at the ceiling", registry=self.registry
        )
        self.ari_up = Gauge("voicedrop_ari_up", "1 while Asterisk's events arrive", registry=self.registry)
        self.refused = Counter("voicedrop_codes_refused", "Codes that started no drop", registry=self.registry)
        self.database_up = Gauge("voicedrop_database_up", "1 while the database answers", registry=self.registry)
        self.shipping_up = Gauge(
            "voicedrop_shipping_up", "1 unless the last attempt to ship the journal failed", registry=self.registry
        )
        self.journal_behind = Gauge(
            "voicedrop_journal_unshipped_bytes", "Of the journal, not in the database yet", registry=self.registry
        )
        self.lines_skipped = Counter(
            "voicedrop_journal_lines_skipped", "Lines that the database cannot hold", registry=self.registry
        )
        self.deliveries_pending = Gauge(
            "voicedrop_webhook_deliveries_pending", "Deliveries that wait", registry=self.registry
        )
        self.deliveries_dead = Gauge(
            "voicedrop_webhook_deliveries_dead", "Deliveries that were given up", registry=self.registry
        )
        self.webhooks_disabled = Gauge(
            "voicedrop_webhooks_disabled", "Webhooks that are sent nothing more", registry=self.registry
        )
        self.agent_freed = Histogram(
            "voicedrop_agent_freed_seconds",
            "From the code's last digit until the agent is free",
            buckets=(0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0),
            registry=self.registry,
        )
        self.cue_to_play = Histogram(
            "voicedrop_beep_end_to_playback_seconds",
            "From the beep's end until the message starts",
            buckets=(0.05, 0.08, 0.12, 0.16, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0),
            registry=self.registry,
        )
