"""Stands in for sox."""
