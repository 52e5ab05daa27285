"""The companion: a web page that shows what a mind used and why, and lets its user put it right. It asks `Mind`, as REST does; it knows
nothing of how a mind is stored."""
