"""What mail is made of: packed text, parts that are not the customer's words, and mail that no person wrote."""
