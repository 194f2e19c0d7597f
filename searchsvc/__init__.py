"""The search itself: analysis, index generations, ranking and answers. Knows nothing of HTTP."""
