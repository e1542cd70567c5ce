"""Labels of topics: the names that tables, plots, pages and the saved model show."""
