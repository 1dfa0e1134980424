"""Measure steps on labelled data and on stored tickets: nothing is stored, nothing is changed."""
