"""Traces of openings, decisions, deliveries and approvals, sent by OTLP when it is switched on."""
