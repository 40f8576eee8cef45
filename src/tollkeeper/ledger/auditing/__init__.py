"""The audit's rooms: each checks some laws over rows that stream by. They change nothing.

`laws` names the laws and gathers findings; `walking` brings the rows of one account together;
`telling` tells an account again from its entries; `comparing` holds it against what stands in the
books; `grants`, `debts` and `totals` each know one law; `keys` and `kinds` what rows may say;
`rows` how rows are read; `pointing` looks at what rows name, and at what guards them.
"""
