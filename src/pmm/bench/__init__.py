"""`pmm bench`: what a mind costs, beside what the machine can do at best. Measures only what users run; may import anything."""
