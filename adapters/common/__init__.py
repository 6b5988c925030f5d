"""Parts that every chat platform needs: attachments, deliveries, posted messages, questions, retries."""
