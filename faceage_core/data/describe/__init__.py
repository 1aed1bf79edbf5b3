"""What a prepared data set holds: statistics, plots, and one page of HTML that shows them."""
